"""User pools of stacks, and the tokens of their users, which a function can verify."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from localstage import LocalStage
from tests.stage.stacks import Stacks
from tests.stage.target import ASSUME_ROLE, StageTarget, new_name

VERIFY = """
const crypto = require('crypto');
const https = require('https');
const get = (url) => new Promise((resolve, reject) => https.get(url, (answer) => {
  let text = '';
  answer.on('data', (piece) => (text += piece)).on('end', () => resolve(JSON.parse(text)));
}).on('error', reject));
exports.handler = async ({ token, issuer }) => {
  const [head, body, signature] = token.split('.');
  const { kid } = JSON.parse(Buffer.from(head, 'base64url'));
  const { keys } = await get(`${issuer}/.well-known/jwks.json`);
  const key = crypto.createPublicKey({ key: keys.find((one) => one.kid === kid), format: 'jwk' });
  const good = crypto.verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'));
  return { good, claims: JSON.parse(Buffer.from(body, 'base64url')) };
};
"""


@pytest.fixture
def stacks(stage: LocalStage) -> Stacks:
    """The stacks of an account that other tests use, too."""
    return Stacks(StageTarget(stage).client)


def template(**pool: Any) -> str:
    role = {"AssumeRolePolicyDocument": json.loads(ASSUME_ROLE)}
    verify = {
        "Runtime": "nodejs22.x",
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Timeout": 20,
    }
    policies = {"PasswordPolicy": {"MinimumLength": 12, "RequireSymbols": True}}
    app = {"UserPoolId": {"Ref": "Pool"}, "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]}
    resources = {
        "Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {"Policies": policies, **pool}},
        "App": {"Type": "AWS::Cognito::UserPoolClient", "Properties": app},
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Verify": {"Type": "AWS::Lambda::Function", "Properties": {**verify, "Code": {"ZipFile": VERIFY}}},
    }
    told = {name: {"Ref": name} for name in ("Pool", "App", "Verify")}
    told["Issuer"] = {"Fn::GetAtt": ["Pool", "ProviderURL"]}
    return json.dumps({"Resources": resources, "Outputs": {name: {"Value": value} for name, value in told.items()}})


def test_pool_when_a_function_verifies_its_tokens(stacks: Stacks):
    """A user of a stack's pool signs in, and a function verifies the token by the keys at its issuer's address."""
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    name, idp = new_name(), stacks.aws("cognito-idp")
    made = stacks.create(name, template())
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.events(name)
    outputs = stacks.outputs(name)
    password, flow = "a Passw0rd! that is long", "USER_PASSWORD_AUTH"
    idp.sign_up(ClientId=outputs["App"], Username="anna", Password=password)
    idp.admin_confirm_sign_up(UserPoolId=outputs["Pool"], Username="anna")
    who = {"USERNAME": "anna", "PASSWORD": password}
    signed_in = idp.initiate_auth(ClientId=outputs["App"], AuthFlow=flow, AuthParameters=who)["AuthenticationResult"]

    def verified(token: str) -> dict[str, Any]:
        payload = json.dumps({"token": token, "issuer": outputs["Issuer"]})
        answer = stacks.aws("lambda").invoke(FunctionName=outputs["Verify"], Payload=payload)
        seen: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "good" in seen, seen
        return seen

    seen = verified(signed_in["IdToken"])
    claims = {key: seen["claims"][key] for key in ("iss", "aud", "token_use", "cognito:username")}
    assert seen["good"] is True
    assert claims == {"iss": outputs["Issuer"], "aud": outputs["App"], "token_use": "id", "cognito:username": "anna"}
    said, _, signature = signed_in["IdToken"].rpartition(".")
    assert verified(f"{said}.{signature[:10]}{'A' * 8}{signature[18:]}")["good"] is False
    stacks.update(name, template(UserPoolName="renamed", DeletionProtection="INACTIVE"))
    assert stacks.stack(name)["StackStatus"] == "UPDATE_COMPLETE", stacks.events(name)
    stacks.update(name, template(UserPoolName="renamed", UsernameAttributes=["email"]))
    assert stacks.stack(name)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert (
        stacks.reason(name, "Pool", "UPDATE_FAILED") == "localstage does not change UsernameAttributes of a user pool"
    )
    stacks.api.delete_stack(StackName=name)
    assert stacks.stack(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert outputs["Pool"] not in [pool["Id"] for pool in idp.list_user_pools(MaxResults=60)["UserPools"]]
