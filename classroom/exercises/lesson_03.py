"""The exercises of lesson 3: a first function, a permission, a template, and a change that replaces."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from classroom.exercises import solutions
from classroom.exercises.checks import CheckFailed, attempt, check, check_returned
from classroom.exercises.exercise import Answer
from classroom.exercises.function_templates import check_callers, check_parameters, check_permission, check_role
from classroom.exercises.handler_checks import check_answered
from classroom.exercises.registry import exercise
from classroom.exercises.templates import Template

TEMPLATE = "template.yaml"
FINISHES = {TEMPLATE: "3.3"}
PREDICTIONS = {"3.a": "Internal server error", "3.b": "Hello", "3.c": "It changes nothing"}
GIVEN = {"Prefix": "lab", "ApiId": "a1b2c3d4e5", "Greeting": "Hello", "Patience": "10000"}
CHAT = "Chat"
"""With this begin the names of the chat function's resources, which lessons 4 and 5 add to the same template."""


@exercise("3.1", file="hello.py", look="what the function returns: a status, and a body that is text")
def answer_a_greeting(answer: Answer) -> None:
    """The handler answers a greeting by name, which it prints, in a result that a two-way route can send."""
    with answer.trial() as trial:
        trial.connect("ann")
        for body, expected in (({"name": "Ann"}, "Hello, Ann."), ({"name": "Bob"}, "Hello, Bob.")):
            outcome = trial.handle(trial.event("hello", "ann", {"action": "hello", **body}))
            check_answered(f"{body['name']}'s greeting is handled", outcome, look='"statusCode": 200')
            if body["name"] not in outcome.printed:
                raise CheckFailed(
                    f"the log has the name. It has {outcome.printed.strip()!r} for {body['name']}. Look at: print(name)."
                )
            check("the answer", _frame(outcome.result), {"sender": "hello", "message": expected}, look="the body")
        nameless = trial.handle(trial.event("hello", "ann", {"action": "hello"}))
        check_answered("a greeting without a name is handled", nameless, error_look='body.get("name")')
        check(
            "its answer",
            _frame(nameless.result),
            {"sender": "hello", "message": "Hello, stranger."},
            look='body.get("name", "stranger")',
        )


def _frame(result: dict[str, Any]) -> Any:
    """What the client would get, read as JSON."""
    body = result.get("body")
    if not isinstance(body, str):
        raise CheckFailed(
            f"the body is text. Found {body!r}, a {type(body).__name__}. Look at: json.dumps, which makes text of a dict."
        )
    return attempt("the body is JSON", lambda: json.loads(body), look="json.dumps around the dict")


@exercise("3.2", names=("source_arn",), look="what stands behind the API's id: slash, stage, slash, route key")
def permit_one_route(answer: Answer) -> None:
    """The pattern lets one API call the function for one route of one stage, and nothing else."""
    for api_id in ("a1b2c3d4e5", "f6g7h8i9j0"):
        found = attempt("source_arn gives a pattern", partial(answer.source_arn, "us-east-1", "123456789012", api_id))
        check_returned("it is text", found, str, look="the quotation marks around the pattern")
        if "{" in found:
            raise CheckFailed(
                f"the values stand in the pattern. It is {found!r}. Look at: the letter f in front of the quotation marks."
            )
        check_callers(found, api_id, "hello", "dev")


@exercise("3.3", file=TEMPLATE, look="the list of what to add, one by one")
def describe_the_function(answer: Answer) -> None:
    """The template describes everything that was made by hand: each part is there and names the right others."""
    template = Template(answer.text, GIVEN, but=CHAT)
    check_parameters(template, GIVEN)
    logs, _ = template.only("AWS::Logs::LogGroup")
    function, properties = template.only("AWS::Lambda::Function")
    role, granted = template.only("AWS::IAM::Role")
    check("the function acts as the role", properties.get("Role"), f"<{role}.Arn>", look="!GetAtt, under the function")
    check_role(granted, logs)
    _, permission = template.only("AWS::Lambda::Permission")
    check_permission(permission, function, properties)
    check_callers(str(permission.get("SourceArn")), GIVEN["ApiId"], "hello")
    _check_route(template)
    output = template.outputs().get("GreeterName")
    name = f"<{function}>" if output == properties.get("FunctionName") else output
    check(
        "the output GreeterName",
        name,
        f"<{function}>",
        look=f"Outputs, at the beginning of a line; in it GreeterName, and in that Value: !Ref {function}",
    )


def _check_route(template: Template) -> None:
    integration, _ = template.only("AWS::ApiGatewayV2::Integration")
    route, properties = template.only("AWS::ApiGatewayV2::Route")
    expected = {"ApiId": GIVEN["ApiId"], "RouteKey": "hello", "Target": f"integrations/<{integration}>"}
    check("the route", {key: properties.get(key) for key in expected}, expected, look="the route, as it was given")
    check(
        "the route's half of two-way",
        properties.get("RouteResponseSelectionExpression"),
        "$default",
        look="RouteResponseSelectionExpression in the route",
    )
    _, response = template.only("AWS::ApiGatewayV2::RouteResponse")
    expected = {"ApiId": GIVEN["ApiId"], "RouteId": f"<{route}>", "RouteResponseKey": "$default"}
    check(
        "the route response",
        {key: response.get(key) for key in expected},
        expected,
        look="create_route_response, above: it takes the same three values",
    )


@exercise("3.4", names=("renamed",), look="the line FunctionName in template.yaml")
def replace_the_function(answer: Answer) -> None:
    """The changed template gives the function another name, which Lambda takes, and so another function."""
    before = answer.folder.text(TEMPLATE) or solutions.course_text(TEMPLATE, "3.3") or ""
    after = attempt("renamed changes the template", lambda: answer.renamed(before), look="template.replace(old, new)")
    check_returned("it gives a text", after, str, look="template.replace(old, new), which gives a text")
    was = Template(before, GIVEN, but=CHAT).only("AWS::Lambda::Function")[1]
    now = Template(after, GIVEN, but=CHAT).only("AWS::Lambda::Function")[1]
    name = now.get("FunctionName")
    if name == was.get("FunctionName"):
        raise CheckFailed(
            f"the function has another name. It is still {name!r}, so the function would be changed, not replaced. "
            "Look at: the line FunctionName, and whether the old text that you look for is in it."
        )
    if not isinstance(name, str) or not re.fullmatch(r"[\w-]{1,64}", name):
        raise CheckFailed(
            f"Lambda takes the name. It would be {name!r}. "
            "Look at: !Sub, without which ${Prefix} is not replaced by its value."
        )
    check("it begins with your prefix", name.partition("-")[0], GIVEN["Prefix"], look="${Prefix}")
    others = [one for one in Template(before, GIVEN).resources if one not in Template(after, GIVEN).resources]
    check("no resource is lost", others, [], look="what your change replaces besides the name")
