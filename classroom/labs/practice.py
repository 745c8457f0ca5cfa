"""A function to break and to mend: code, permissions and routes change in a moment, and no stack drifts.

It stands beside the functions of the lesson's stacks and has a role of its own,
which may do nothing until a cell says so. This file knows no particular handler.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from threading import Event
from typing import Any

from classroom.account import api, boundary
from classroom.account.account import TABLES, Account

NAME = "practice"
_WAIT = {"Delay": 1, "MaxAttempts": 120}
_ASSUMED_WITHIN_S = 60.0
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_VARIABLES = {
    "ChatMessages": "MESSAGES_TABLE",
    "ChatConnections": "CONNECTIONS_TABLE",
    "ChatSessions": "SESSIONS_TABLE",
}


class Practice:
    """The learner's practice function behind routes of an API. ``end`` when done; making it again is harmless."""

    def __init__(self, account: Account, api_id: str):
        self._account = account
        self._api_id = api_id
        self.name = account.name(NAME)
        """The name of the function, and of its role."""
        self.log_group = f"/aws/lambda/{self.name}"
        self._before: dict[str, str] = {}
        self._make_role()
        self._make_log_group()

    def arn(self, table: str) -> str:
        """The ARN of one of the chat's tables, such as ``ChatMessages``."""
        target = self._account.target
        return f"arn:aws:dynamodb:{target.region}:{target.account_id}:table/{self._account.name(table)}"

    @property
    def log_arn(self) -> str:
        """The ARN of the streams in the function's log group."""
        target = self._account.target
        return f"arn:aws:logs:{target.region}:{target.account_id}:log-group:{self.log_group}:*"

    def connections_arn(self, method: str) -> str:
        """What ``execute-api:ManageConnections`` needs to POST to, GET or DELETE connections of the stage."""
        target = self._account.target
        return f"arn:aws:execute-api:{target.region}:{target.account_id}:{self._api_id}/prod/{method}/@connections/*"

    def permit(self, *statements: Mapping[str, Any]) -> None:
        """Make these statements all that the role may do; without any it may do nothing."""
        iam = self._account.client("iam")
        # First what is new: each change counts on its own a moment later, and in between nothing may be missing.
        if statements:
            iam.put_role_policy(
                RoleName=self.name,
                PolicyName=NAME,
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
            )
        for policy in self._account.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=self.name):
            iam.detach_role_policy(RoleName=self.name, PolicyArn=policy["PolicyArn"])
        if not statements and self._account.pages("iam", "list_role_policies", "PolicyNames", RoleName=self.name):
            iam.delete_role_policy(RoleName=self.name, PolicyName=NAME)

    def release(self, handler: str, package: bytes) -> None:
        """Run this code from the next event on: a package, which is a zip's bytes, and the handler in it."""
        function = self._account.client("lambda")
        try:
            function.update_function_code(FunctionName=self.name, ZipFile=package)
            function.get_waiter("function_updated_v2").wait(FunctionName=self.name, WaiterConfig=_WAIT)
            function.update_function_configuration(FunctionName=self.name, Handler=handler)
            function.get_waiter("function_updated_v2").wait(FunctionName=self.name, WaiterConfig=_WAIT)
        except function.exceptions.ResourceNotFoundException:
            self._create_function(handler, package)

    def serve(self, *route_keys: str) -> None:
        """Point these routes at the function, let the API call it, and deploy; ``end`` points them back."""
        gateway = self._account.client("apigatewayv2")
        integration = gateway.create_integration(
            ApiId=self._api_id, IntegrationType="AWS_PROXY", IntegrationMethod="POST", IntegrationUri=self._uri()
        )
        before = api.redirect_routes(self._account, self._api_id, integration["IntegrationId"], route_keys)
        self._before = {**before, **self._before}
        self._let_the_api_call()
        api.deploy_api(self._account, self._api_id)

    @property
    def serving(self) -> bool:
        """Whether a route leads to the function."""
        return bool(self._before)

    def end(self) -> None:
        """Point the routes back, deploy, and delete the function, its integrations, its role and its logs."""
        gateway, routes = self._account.client("apigatewayv2"), self._routes()
        for key, target in self._before.items():
            gateway.update_route(ApiId=self._api_id, RouteId=routes[key]["RouteId"], Target=target)
        self._before.clear()
        api.deploy_api(self._account, self._api_id)
        for integration in self._account.pages("apigatewayv2", "get_integrations", "Items", ApiId=self._api_id):
            if integration.get("IntegrationUri", "").endswith(f":function:{self.name}/invocations"):
                gateway.delete_integration(ApiId=self._api_id, IntegrationId=integration["IntegrationId"])
        self.permit()
        self._account.client("lambda").delete_function(FunctionName=self.name)
        self._account.client("iam").delete_role(RoleName=self.name)
        self._account.client("logs").delete_log_group(logGroupName=self.log_group)

    def _routes(self) -> dict[str, Any]:
        found = self._account.pages("apigatewayv2", "get_routes", "Items", ApiId=self._api_id)
        return {route["RouteKey"]: route for route in found}

    def _make_role(self) -> None:
        iam = self._account.client("iam")
        try:
            iam.create_role(
                RoleName=self.name,
                AssumeRolePolicyDocument=json.dumps(_TRUST),
                Tags=self._account.tag_list,
                **boundary.of_role(),
            )
        except iam.exceptions.EntityAlreadyExistsException:
            self.permit()  # an earlier run's

    def _make_log_group(self) -> None:
        logs = self._account.client("logs")
        try:
            logs.create_log_group(logGroupName=self.log_group, tags=self._account.tags)
        except logs.exceptions.ResourceAlreadyExistsException:
            logs.delete_log_group(logGroupName=self.log_group)  # an earlier run's, with its lines
            logs.create_log_group(logGroupName=self.log_group, tags=self._account.tags)

    def _create_function(self, handler: str, code: bytes) -> None:
        function, account = self._account.client("lambda"), self._account
        role = account.client("iam").get_role(RoleName=self.name)["Role"]["Arn"]
        deadline = time.monotonic() + _ASSUMED_WITHIN_S
        while True:
            try:
                function.create_function(
                    FunctionName=self.name,
                    Runtime="python3.13",
                    Handler=handler,
                    Role=role,
                    Timeout=10,
                    MemorySize=256,
                    Code={"ZipFile": code},
                    Tags=account.tags,
                    Environment={"Variables": {_VARIABLES[table]: account.name(table) for table in TABLES}},
                )
                break
            except function.exceptions.InvalidParameterValueException as error:
                # AWS: a new role takes some seconds until Lambda may assume it.
                if "cannot be assumed" not in str(error) or time.monotonic() > deadline:
                    raise
                Event().wait(1.0)
        function.get_waiter("function_active_v2").wait(FunctionName=self.name, WaiterConfig=_WAIT)

    def _let_the_api_call(self) -> None:
        """Give the API its permission, again if a cell took it away or it was another API's."""
        function, target = self._account.client("lambda"), self._account.target
        with contextlib.suppress(function.exceptions.ResourceNotFoundException):
            function.remove_permission(FunctionName=self.name, StatementId=NAME)
        function.add_permission(
            FunctionName=self.name,
            StatementId=NAME,
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{target.region}:{target.account_id}:{self._api_id}/*",
        )

    def _uri(self) -> str:
        target = self._account.target
        return (
            f"arn:aws:apigateway:{target.region}:lambda:path/2015-03-31/functions/"
            f"arn:aws:lambda:{target.region}:{target.account_id}:function:{self.name}/invocations"
        )
