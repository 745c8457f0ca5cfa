"""Many programs change functions while others are served by them: an answered change counts from the answer on."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from tests.stage.target import Target, allow_api_gateway, create_function, deploy_api, package

TELLING = """
import os

def handler(event, context):
    return {"statusCode": 200, "body": os.environ["MARK"] + " CODE"}
"""
ROUNDS = 4


def test_functions_when_they_are_changed_while_they_are_invoked(target: Target):
    """Each caller's next invocation and next message run what it has just set; nobody else notices anything."""
    keys = {f"{kind}{number}": TELLING + f"\n# {kind}{number}" for kind in ("own", "steady") for number in range(2)}
    api = deploy_api(target, keys, two_way=tuple(keys), Environment={"Variables": {"MARK": "first"}}, Timeout=30)
    done = Event()

    def messages_of(key: str) -> Callable[[], str]:
        socket = target.connect(api.url)

        def answer() -> str:
            socket.send(json.dumps({"action": key}))
            return str(socket.recv())

        return answer

    def change(key: str) -> list[str]:
        lambda_, arn, message, stale = target.client("lambda"), api.function_arns[key], messages_of(key), []
        for number in range(ROUNDS):
            if number % 2:
                lambda_.update_function_code(FunctionName=arn, ZipFile=package(TELLING.replace("CODE", f"new{number}")))
                wanted = f"mark{number - 1} new{number}"
            else:
                variables = {"Variables": {"MARK": f"mark{number}"}}
                lambda_.update_function_configuration(FunctionName=arn, Environment=variables)
                wanted = f"mark{number} " + (f"new{number - 1}" if number else "CODE")
            invoked = json.load(lambda_.invoke(FunctionName=arn)["Payload"])["body"]
            stale += [seen for seen in (message(), invoked) if seen != wanted]
        return stale

    def keep_asking(key: str) -> set[str]:
        message, seen = messages_of(key), set()
        while not done.is_set():
            seen.add(message())
        return seen

    def permit() -> list[str]:
        """Permissions of another function come and go meanwhile."""
        lambda_, wrong = target.client("lambda"), []
        arn = create_function(target, TELLING, Environment={"Variables": {"MARK": "permitted"}}, Timeout=30)
        alias = publish(target, arn)
        for _ in range(ROUNDS * 5):
            allow_api_gateway(target, alias, api.api_id)
            statements = json.loads(lambda_.get_policy(FunctionName=alias)["Policy"])["Statement"]
            wrong += [str(len(statements))] if len(statements) != 1 else []
            lambda_.remove_permission(FunctionName=alias, StatementId=f"api-{api.api_id}")
        return wrong

    with ThreadPoolExecutor(8) as threads:
        steady = [threads.submit(keep_asking, key) for key in keys if key.startswith("steady")]
        changing = [threads.submit(change, key) for key in keys if key.startswith("own")] + [threads.submit(permit)]
        try:
            assert [job.result() for job in changing] == [[], [], []]
        finally:
            done.set()
        assert [job.result() for job in steady] == [{"first CODE"}] * 2


def publish(target: Target, arn: str) -> str:
    """The ARN of an alias for the function's first version."""
    lambda_ = target.client("lambda")
    version = lambda_.publish_version(FunctionName=arn)["Version"]
    return lambda_.create_alias(FunctionName=arn, Name="live", FunctionVersion=version)["AliasArn"]
