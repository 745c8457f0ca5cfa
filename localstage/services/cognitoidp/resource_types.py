"""Cognito's types: user pools and the apps that sign their users in."""

from __future__ import annotations

from localstage.stacks.errors import ResourceFailure
from localstage.stacks.resource_type import Properties, ResourceContext, ResourceType, ignore_missing, picked

_SET_FOR_GOOD = ("AliasAttributes", "Schema", "UsernameAttributes", "UsernameConfiguration")


class UserPool(ResourceType):
    """A user pool of Cognito; its physical id is its id."""

    name = "AWS::Cognito::UserPool"
    deletion = ("cognito-idp", "delete_user_pool", "UserPoolId")
    unsupported = frozenset(
        {
            *("EmailAuthenticationMessage", "EmailAuthenticationSubject", "EnabledMfas", "WebAuthnFactorConfiguration"),
            *("WebAuthnRelyingPartyID", "WebAuthnUserVerification"),
        }
    )
    attribute_formats = {
        "Arn": "arn:aws:cognito-idp:{region}:{account_id}:userpool/{id}",
        "ProviderName": "cognito-idp.{region}.amazonaws.com/{id}",
        "ProviderURL": "https://cognito-idp.{region}.amazonaws.com/{id}",
        "UserPoolId": "{id}",
    }

    def create(self, context: ResourceContext, properties: Properties) -> str:
        settings = {"UserPoolName": context.generated_name(128), **properties}
        settings["PoolName"] = settings.pop("UserPoolName")
        return context.client("cognito-idp").create_user_pool(**settings)["UserPool"]["Id"]

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        for name in _SET_FOR_GOOD:
            if old.get(name) != new.get(name):
                raise ResourceFailure(f"localstage does not change {name} of a user pool")
        settings = {name: value for name, value in new.items() if name not in (*_SET_FOR_GOOD, "UserPoolName")}
        if "UserPoolName" in new:
            settings["PoolName"] = new["UserPoolName"]
        context.client("cognito-idp").update_user_pool(UserPoolId=physical_id, **settings)


class UserPoolClient(ResourceType):
    """An app that signs users of a pool in; its physical id is its client id."""

    name = "AWS::Cognito::UserPoolClient"

    def create(self, context: ResourceContext, properties: Properties) -> str:
        settings = {"ClientName": context.generated_name(128), **properties}
        answer = context.client("cognito-idp").create_user_pool_client(**settings)
        return answer["UserPoolClient"]["ClientId"]

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        settings = {name: value for name, value in new.items() if name != "GenerateSecret"}
        context.client("cognito-idp").update_user_pool_client(ClientId=physical_id, **settings)

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        ignore_missing(
            context.client("cognito-idp").delete_user_pool_client,
            UserPoolId=properties["UserPoolId"],
            ClientId=physical_id,
        )

    def attributes(self, context: ResourceContext, physical_id: str, properties: Properties) -> Properties:
        described = context.client("cognito-idp").describe_user_pool_client(
            UserPoolId=properties["UserPoolId"], ClientId=physical_id
        )["UserPoolClient"]
        told = {"ClientId": physical_id, "Name": described["ClientName"]}
        return {**told, **picked(described, ("ClientSecret",))}


TYPES: tuple[ResourceType, ...] = (UserPool(), UserPoolClient())
