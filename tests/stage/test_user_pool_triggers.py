"""Functions that user pools invoke: what they are told, what counts of their answers, and what a caller is told."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localstage import LocalStage
from tests.stage.stacks import Stacks
from tests.stage.target import REGION, StageTarget, create_function, new_name
from tests.stage.waiting import eventually, messages_in

CODE = """
import json

def handler(event, context):
    print("GOT" + json.dumps(event))
    trigger, user = event["triggerSource"].partition("_")[0], event["userName"]
    if "refused-by-" + trigger in user:
        raise ValueError("no guests today")
    if "nothing" in user:
        return None
    if "strange" in user:
        return {"statusCode": 200}
    if trigger == "PreSignUp":
        event["response"] = {"autoConfirmUser": "waits" not in user, "autoVerifyEmail": True}
    if trigger == "TokenGeneration":
        event["response"] = {
            "claimsOverrideDetails": {
                "claimsToAddOrOverride": {"room": "lobby", "sub": "somebody else"},
                "claimsToSuppress": ["email", "aud"],
                "groupOverrideDetails": {"groupsToOverride": ["guests"]},
            }
        }
    return event
"""
PASSWORD = "a Passw0rd! that is long"
BUILT = ("PreSignUp", "PostConfirmation", "PreAuthentication", "PostAuthentication", "PreTokenGeneration")


@pytest.fixture(scope="module")
def target(stage: LocalStage) -> StageTarget:
    return StageTarget(stage)


@pytest.fixture(scope="module")
def function(target: StageTarget) -> str:
    """A function that is warm: on a busy machine a start may take more than the five seconds that a pool waits."""
    arn = create_function(target, CODE, Timeout=60)
    target.client("lambda").invoke(FunctionName=arn, Payload=json.dumps({"triggerSource": "", "userName": ""}))
    return arn


class Pool:
    """A user pool with an app, and the function at its triggers."""

    def __init__(self, target: StageTarget, function: str, triggers: tuple[str, ...] = BUILT, **settings: Any):
        self.idp, self._logs, self._function = target.client("cognito-idp"), target.client("logs"), function
        made = self.idp.create_user_pool(
            PoolName=new_name(), LambdaConfig=dict.fromkeys(triggers, function), **settings
        )["UserPool"]
        self.id, self.arn = made["Id"], made["Arn"]
        flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        self.app = self.idp.create_user_pool_client(UserPoolId=self.id, ClientName="a", ExplicitAuthFlows=flows)[
            "UserPoolClient"
        ]["ClientId"]

    def sign_up(self, name: str, **more: Any) -> dict[str, Any]:
        email = {"UserAttributes": [{"Name": "email", "Value": "anna@example.com"}]}
        done: dict[str, Any] = self.idp.sign_up(
            ClientId=self.app, Username=name, Password=PASSWORD, **{**email, **more}
        )
        return done

    def sign_in(self, name: str, **more: Any) -> dict[str, Any]:
        who = {"AuthParameters": {"USERNAME": name, "PASSWORD": PASSWORD}, **more}
        done: dict[str, Any] = self.idp.initiate_auth(ClientId=self.app, AuthFlow="USER_PASSWORD_AUTH", **who)
        return done

    def events(self, count: int) -> list[dict[str, Any]]:
        """The events that the function was given for this pool, once there are so many."""

        def given() -> list[dict[str, Any]]:
            lines = messages_in(self._logs, self._function, '"GOT"')
            events = [json.loads(line[3:]) for line in lines if line[:3] == "GOT"]
            return [event for event in events if event.get("userPoolId") == self.id]

        return eventually(given, lambda events: len(events) >= count, f"{count} events of {self.id}")

    def sources(self, count: int) -> list[str]:
        return [event["triggerSource"] for event in self.events(count)]

    def names(self) -> list[str]:
        return [user["Username"] for user in self.idp.list_users(UserPoolId=self.id)["Users"]]


@pytest.fixture
def pools(target: StageTarget, function: str) -> Iterator[Any]:
    """Makes pools that may invoke the function."""
    made: list[Pool] = []

    def make(*triggers: str, allowed: bool = True, **settings: Any) -> Pool:
        made.append(Pool(target, function, triggers or BUILT, **settings))
        if allowed:
            target.client("lambda").add_permission(
                FunctionName=function,
                StatementId=made[-1].id,
                Action="lambda:InvokeFunction",
                Principal="cognito-idp.amazonaws.com",
                SourceArn=made[-1].arn,
            )
        return made[-1]

    yield make
    for pool in made:
        pool.idp.delete_user_pool(UserPoolId=pool.id)


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return read


@pytest.mark.fidelity("9.16")
def test_event_when_somebody_signs_up(pools: Any):
    """PreSignUp is told what AWS tells it; who is confirmed by its answer signs in at once, with a verified address."""
    pool = pools("PreSignUp")
    data = {"ValidationData": [{"Name": "invited", "Value": "yes"}], "ClientMetadata": {"from": "test"}}
    assert pool.sign_up("anna", **data)["UserConfirmed"] is True
    (event,) = pool.events(1)
    assert event == {
        "version": "1",
        "region": REGION,
        "userPoolId": pool.id,
        "userName": "anna",
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": pool.app},
        "triggerSource": "PreSignUp_SignUp",
        "request": {
            "userAttributes": {"email": "anna@example.com"},
            "validationData": {"invited": "yes"},
            "clientMetadata": {"from": "test"},
        },
        "response": {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    }
    user = pool.idp.admin_get_user(UserPoolId=pool.id, Username="anna")
    assert {"Name": "email_verified", "Value": "true"} in user["UserAttributes"]
    assert claims_of(pool.sign_in("anna")["AuthenticationResult"]["IdToken"])["cognito:username"] == "anna"


@pytest.mark.fidelity("9.16")
@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("refused-by-PreSignUp", "UserLambdaValidationException", "PreSignUp failed with error no guests today."),
        ("nothing", "InvalidLambdaResponseException", "Invalid lambda function output : Invalid JSON"),
        ("strange", "InvalidLambdaResponseException", "Unrecognizable lambda output"),
    ],
)
def test_sign_up_when_the_function_does_not_let_it(pools: Any, name: str, code: str, message: str):
    """A function that raises, or answers with something else than its event, lets nobody in."""
    pool = pools("PreSignUp")
    with pytest.raises(ClientError) as refused:
        pool.sign_up(name)
    assert refused.value.response["Error"] == {"Code": code, "Message": message}
    assert pool.names() == []


@pytest.mark.fidelity("9.16")
def test_sign_up_when_the_function_allows_no_pool(pools: Any):
    """A pool needs the function's permission, and AWS says so in one sentence."""
    pool = pools("PreSignUp", allowed=False)
    with pytest.raises(ClientError) as refused:
        pool.sign_up("anna")
    assert refused.value.response["Error"] == {
        "Code": "UnexpectedLambdaException",
        "Message": "PreSignUp invocation failed due to error AccessDeniedException.",
    }
    assert pool.names() == []


def test_names_when_users_sign_up_with_an_address(pools: Any):
    """The name that a pool gives to who signs up with an address is told to the function before, and stays."""
    pool = pools("PreSignUp", UsernameAttributes=["email"])
    sub = pool.sign_up("anna@example.com")["UserSub"]
    (event,) = pool.events(1)
    assert (event["userName"], event["request"]["userAttributes"]) == (sub, {"email": "anna@example.com"})
    assert pool.names() == [sub]
    assert claims_of(pool.sign_in("anna@example.com")["AuthenticationResult"]["IdToken"])["sub"] == sub


@pytest.mark.fidelity("9.16")
def test_confirmation_when_a_user_is_confirmed(pools: Any):
    """PostConfirmation comes when a user is confirmed, by PreSignUp's answer, too; its error leaves the user confirmed."""
    pool = pools("PreSignUp", "PostConfirmation")
    pool.sign_up("anna")
    pool.sign_up("waits")
    assert pool.sources(3) == ["PreSignUp_SignUp", "PostConfirmation_ConfirmSignUp", "PreSignUp_SignUp"]
    pool.idp.admin_confirm_sign_up(UserPoolId=pool.id, Username="waits", ClientMetadata={"by": "hand"})
    event = pool.events(4)[-1]
    told = event["request"]["userAttributes"]
    assert (event["triggerSource"], event["userName"]) == ("PostConfirmation_ConfirmSignUp", "waits")
    assert (told["cognito:user_status"], event["request"]["clientMetadata"]) == ("CONFIRMED", {"by": "hand"})
    pool.sign_up("waits, refused-by-PostConfirmation")
    with pytest.raises(ClientError, match="PostConfirmation failed with error no guests today"):
        pool.idp.confirm_sign_up(
            ClientId=pool.app, Username="waits, refused-by-PostConfirmation", ConfirmationCode="123456"
        )
    user = pool.idp.admin_get_user(UserPoolId=pool.id, Username="waits, refused-by-PostConfirmation")
    assert user["UserStatus"] == "CONFIRMED"


@pytest.mark.fidelity("9.16")
def test_tokens_when_somebody_signs_in(pools: Any):
    """A sign-in comes by three functions; the last changes the ID token, as far as AWS lets it.

    One with a wrong password, or of nobody, comes as far as it may.
    """
    pool = pools()
    sub = pool.sign_up("anna")["UserSub"]
    for name, code in (("anna", "NotAuthorizedException"), ("nobody", "UserNotFoundException")):
        with pytest.raises(ClientError, match=code):
            pool.sign_in(name, AuthParameters={"USERNAME": name, "PASSWORD": "another"})
    given = pool.sign_in("anna", ClientMetadata={"from": "test"})["AuthenticationResult"]
    wrong, *events = pool.events(6)[2:]
    assert wrong["triggerSource"] == "PreAuthentication_Authentication"
    assert [event["triggerSource"] for event in events] == [
        "PreAuthentication_Authentication",
        "PostAuthentication_Authentication",
        "TokenGeneration_Authentication",
    ]
    before, after, generation = (event["request"] for event in events)
    assert before["validationData"] == {"from": "test"}
    assert (after["newDeviceUsed"], "clientMetadata" in after) == (False, False)
    assert generation["groupConfiguration"] == {"groupsToOverride": [], "iamRolesToOverride": [], "preferredRole": None}
    claims = claims_of(given["IdToken"])
    assert (claims["room"], claims["sub"], claims["aud"]) == ("lobby", sub, pool.app)
    assert claims["cognito:groups"] == ["guests"] and "email" not in claims
    assert "room" not in claims_of(given["AccessToken"])
    again = pool.idp.initiate_auth(
        ClientId=pool.app, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": given["RefreshToken"]}
    )["AuthenticationResult"]
    assert claims_of(again["IdToken"])["room"] == "lobby"
    assert pool.sources(7)[6:] == ["TokenGeneration_RefreshTokens"]


@pytest.mark.fidelity("9.16")
def test_messages_when_a_user_is_to_get_a_code(pools: Any):
    """CustomMessage is asked for the text of each message, with AWS's placeholders; its error is the caller's."""
    pool = pools("CustomMessage", AutoVerifiedAttributes=["email"])
    pool.sign_up("anna", ClientMetadata={"from": "test"})
    event = pool.events(1)[0]
    assert event["response"] == {"smsMessage": None, "emailMessage": None, "emailSubject": None}
    told = event["request"].pop("userAttributes")
    assert (told["email"], told["cognito:user_status"]) == ("anna@example.com", "UNCONFIRMED")
    assert event["request"] == {
        "codeParameter": "{####}",
        "linkParameter": "{##Click Here##}",
        "usernameParameter": None,
        "clientMetadata": {"from": "test"},
    }
    idp, email = pool.idp, [{"Name": "email", "Value": "anna@example.org"}]
    idp.admin_confirm_sign_up(UserPoolId=pool.id, Username="anna")
    token = pool.sign_in("anna")["AuthenticationResult"]["AccessToken"]
    idp.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": "name", "Value": "Anna"}])
    idp.update_user_attributes(AccessToken=token, UserAttributes=email)
    email.append({"Name": "email_verified", "Value": "true"})
    idp.admin_update_user_attributes(UserPoolId=pool.id, Username="anna", UserAttributes=email)
    idp.forgot_password(ClientId=pool.app, Username="anna")
    sms = {"SMSMfaSettings": {"Enabled": True, "PreferredMfa": True}}
    idp.admin_set_user_mfa_preference(UserPoolId=pool.id, Username="anna", **sms)
    assert pool.sign_in("anna")["ChallengeName"] == "SMS_MFA"
    idp.admin_reset_user_password(UserPoolId=pool.id, Username="anna")
    idp.admin_create_user(UserPoolId=pool.id, Username="ben", MessageAction="SUPPRESS")
    idp.admin_create_user(UserPoolId=pool.id, Username="ben", MessageAction="RESEND")
    idp.admin_create_user(UserPoolId=pool.id, Username="cleo")
    events = pool.events(8)
    assert [event["triggerSource"].removeprefix("CustomMessage_") for event in events] == [
        *("SignUp", "UpdateUserAttribute", "UpdateUserAttribute", "ForgotPassword"),
        *("Authentication", "ForgotPassword", "AdminCreateUser", "AdminCreateUser"),
    ]
    assert [event["request"]["usernameParameter"] for event in events[6:]] == ["{username}"] * 2
    with pytest.raises(ClientError, match="CustomMessage failed with error no guests today"):
        idp.admin_create_user(UserPoolId=pool.id, Username="refused-by-CustomMessage")


@pytest.mark.fidelity("9.16")
def test_sign_in_when_who_exists_is_hidden(pools: Any):
    """PreAuthentication is told that there is no such user if the app does not tell others."""
    pool = pools("PreAuthentication")
    pool.idp.update_user_pool_client(UserPoolId=pool.id, ClientId=pool.app, PreventUserExistenceErrors="ENABLED")
    with pytest.raises(ClientError):
        pool.sign_in("nobody")
    pool.idp.admin_create_user(UserPoolId=pool.id, Username="anna", TemporaryPassword=PASSWORD)
    assert pool.sign_in("anna")["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    nobody, anna = pool.events(2)
    assert nobody["request"] == {"userAttributes": {}, "validationData": None, "userNotFound": True}
    assert (nobody["userName"], anna["request"]["userNotFound"]) == ("nobody", False)


@pytest.mark.fidelity("9.16")
@pytest.mark.parametrize("trigger", ["PreAuthentication", "PostAuthentication", "TokenGeneration"])
def test_sign_in_when_a_function_refuses_it(pools: Any, trigger: str):
    """A function that raises lets nobody sign in."""
    pool = pools()
    pool.sign_up(f"refused-by-{trigger}")
    said = "PreTokenGeneration" if trigger == "TokenGeneration" else trigger
    with pytest.raises(ClientError) as refused:
        pool.sign_in(f"refused-by-{trigger}")
    assert refused.value.response["Error"]["Message"] == f"{said} failed with error no guests today."


@pytest.mark.fidelity("9.16")
def test_user_when_an_administrator_creates_it(pools: Any):
    """PreSignUp may refuse whom an administrator creates, and no more; the tokens come with the new password."""
    pool = pools()
    pool.idp.admin_create_user(UserPoolId=pool.id, Username="anna", TemporaryPassword="A first 1!")
    assert (
        pool.idp.admin_get_user(UserPoolId=pool.id, Username="anna")["UserStatus"],
        pool.events(1)[0]["callerContext"]["clientId"],
    ) == ("FORCE_CHANGE_PASSWORD", "CLIENT_ID_NOT_APPLICABLE")
    challenge = pool.idp.admin_initiate_auth(
        UserPoolId=pool.id,
        ClientId=pool.app,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "anna", "PASSWORD": "A first 1!"},
    )
    pool.idp.admin_respond_to_auth_challenge(
        UserPoolId=pool.id,
        ClientId=pool.app,
        ChallengeName=challenge["ChallengeName"],
        Session=challenge["Session"],
        ChallengeResponses={"USERNAME": "anna", "NEW_PASSWORD": PASSWORD},
    )
    assert pool.sources(4) == [
        "PreSignUp_AdminCreateUser",
        "PreAuthentication_Authentication",
        "PostAuthentication_Authentication",
        "TokenGeneration_NewPasswordChallenge",
    ]
    with pytest.raises(ClientError, match="no guests today"):
        pool.idp.admin_create_user(UserPoolId=pool.id, Username="refused-by-PreSignUp")
    assert pool.names() == ["anna"]


def template() -> str:
    """A pool with a function at its door, which allows it that."""
    arn = {"Fn::GetAtt": ["Greeter", "Arn"]}
    role = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    allows = {"Action": "lambda:InvokeFunction", "FunctionName": arn, "Principal": "cognito-idp.amazonaws.com"}
    function = {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Timeout": 60,
        "Code": {"ZipFile": CODE},
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
    }
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": role}},
        "Greeter": {"Type": "AWS::Lambda::Function", "Properties": function},
        "Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {"LambdaConfig": {"PreSignUp": arn}}},
        "Allowed": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {**allows, "SourceArn": {"Fn::GetAtt": ["Pool", "Arn"]}},
        },
        "App": {"Type": "AWS::Cognito::UserPoolClient", "Properties": {"UserPoolId": {"Ref": "Pool"}}},
    }
    outputs = {name: {"Value": {"Ref": name}} for name in ("App", "Pool", "Greeter")}
    return json.dumps({"Resources": resources, "Outputs": outputs})


def test_stack_when_its_pool_has_a_function(target: StageTarget):
    """A stack's pool, function and permission confirm who signs up."""
    stacks, name = Stacks(target.client), new_name()
    assert stacks.create(name, template())["StackStatus"] == "CREATE_COMPLETE", stacks.events(name)
    outputs = stacks.outputs(name)
    target.client("lambda").invoke(
        FunctionName=outputs["Greeter"], Payload=json.dumps({"triggerSource": "", "userName": ""})
    )
    signed_up = target.client("cognito-idp").sign_up(ClientId=outputs["App"], Username="anna", Password=PASSWORD)
    assert signed_up["UserConfirmed"] is True
    stacks.api.delete_stack(StackName=name)
