"""The exercises of lesson 2: which route takes a message, a route that answers, the dollar sign, a second stage."""

from __future__ import annotations

import json
from typing import Any

from classroom.exercises.checks import CheckFailed, attempt, check
from classroom.exercises.exercise import Answer, NotAnswered
from classroom.exercises.registry import exercise
from classroom.panel.chat_panel import PanelTimeout

PREDICTIONS = {
    "2.a": "The handshake is refused with status 403",
    "2.b": "It stays open, and she gets a frame",
    "2.c": "Forbidden, as before",
    "2.d": "One",
    "2.e": "Forbidden",
    "2.f": "Forbidden",
    "2.g": "API Gateway lets the client in, and the client hangs up",
}
KEYS = ["$connect", "$default", "$disconnect", "sendMessage"]
LOOKS_AT_ACTION = ("$request.body.action", "${request.body.action}")
FORBIDDEN = '"message": "Forbidden"'
ANSWER_WITHIN_S = 4.0


@exercise("2.1", names=("select",), look="the picture of the route selection expression")
def be_the_gateway(answer: Answer) -> None:
    """``select`` finds the route as API Gateway does, whatever a client sends."""
    for text, keys, right in (
        ('{"action": "sendMessage"}', ["$default", "sendMessage"], "sendMessage"),
        ('{"action": "sendmessage"}', ["$default", "sendMessage"], "$default"),
        ('{"message": "Hello"}', ["$default", "sendMessage"], "$default"),
        ("Hello", ["$default", "sendMessage"], "$default"),
        ('["sendMessage"]', ["$default", "sendMessage"], "$default"),
        ('{"action": "leave"}', ["leave", "sendMessage"], "leave"),
        ("Hello", ["sendMessage"], None),
    ):
        found = attempt(
            f"{text} finds its route",
            lambda text=text, keys=keys: answer.select(text, list(keys)),  # type: ignore[misc]
            look=_of_what_is_sent(text),
        )
        goes = f"goes to {right}" if right else "is Forbidden, where no route is $default"
        check(f"{text} {goes}", found, right, look=_of_what_is_selected(text, right))


def _of_what_is_sent(text: str) -> str:
    return {
        "Hello": "except ValueError, around json.loads",
        '["sendMessage"]': "isinstance(body, dict), because a list has no get",
    }.get(text, 'body.get("action"), which gives None where there is no action')


def _of_what_is_selected(text: str, right: str | None) -> str:
    if right is None:
        return "whether $default is among the keys"
    if right == "$default":
        return "whether a route has exactly this key; if none has, $default takes the message"
    return "the value of action, and the keys that you were given"


@exercise("2.2", account=True, look="the calls that made Carol's route, one by one")
def add_a_route_that_answers(answer: Answer) -> None:
    """The learner's API has a route ``rules`` whose every part is two-way, and who asks on ``prod`` gets the rules."""
    route = _rules(answer)
    gateway = answer.lesson.account.client("apigatewayv2")
    _, _, integration_id = (route.get("Target") or "").partition("integrations/")
    if not integration_id:
        raise CheckFailed("the route leads to an integration. It has no Target. Look at: Target in create_route.")
    responses = gateway.get_integration_responses(ApiId=answer.api_id, IntegrationId=integration_id)["Items"]
    check(
        "the integration responses",
        [one["IntegrationResponseKey"] for one in responses],
        ["$default"],
        look="create_integration_response, with the integration that Target names",
    )
    check(
        "the route lets the answer out",
        route.get("RouteResponseSelectionExpression"),
        "$default",
        look="RouteResponseSelectionExpression in create_route",
    )
    responses = gateway.get_route_responses(ApiId=answer.api_id, RouteId=route["RouteId"])["Items"]
    check(
        "the route responses",
        [one["RouteResponseKey"] for one in responses],
        ["$default"],
        look="create_route_response, with the id of this route",
    )
    told = _told(answer, answer.lesson.url_of(answer.api_id), {"action": "rules"})
    if not told or FORBIDDEN in told:
        raise CheckFailed(
            f"prod serves the route. A visitor who asks for the rules gets {'Forbidden' if told else 'no answer'}, "
            "so prod serves a snapshot from before. Look at: deploy(api_id), after everything else is made."
        )
    frame = attempt(
        f"the answer is JSON; it is {told!r}",
        lambda: json.loads(told),
        look="ResponseTemplates, and json.dumps around the dict",
    )
    if not isinstance(frame, dict) or not {"sender", "message"} <= frame.keys():
        raise CheckFailed(
            f"the answer has a sender and a message. It is {told}. Look at: the dict in ResponseTemplates."
        )
    check("the rules are text", type(frame["message"]).__name__, "str", look="message in the answer")
    if not frame["message"].strip():
        raise CheckFailed("the rules say something. The message is empty. Look at: message in the answer.")
    print(f"ok: a visitor who asks is told: {frame['message']}")


def _rules(answer: Answer) -> dict[str, Any]:
    gateway = answer.lesson.account.client("apigatewayv2")
    routes = {one["RouteKey"]: one for one in gateway.get_routes(ApiId=answer.api_id)["Items"]}
    if "rules" in routes:
        return routes["rules"]
    others = sorted(routes.keys() - set(KEYS))
    if others:
        raise CheckFailed(
            f"the route's key is rules. Your API has {' and '.join(others)}. Look at: RouteKey, letter by letter."
        )
    raise NotAnswered("chat-api has no route rules: make it in the cell above, then run this cell again.")


@exercise("2.3", account=True, look="the expression, and the order of the two calls")
def mend_the_expression(answer: Answer) -> None:
    """Carol's API selects routes by ``action``, and ``prod`` serves a deployment from after that change."""
    gateway = answer.lesson.account.client("apigatewayv2")
    _refuse_when_gone(answer, gateway)
    expression = gateway.get_api(ApiId=answer.other)["RouteSelectionExpression"]
    if expression == "request.body.action":
        raise NotAnswered(
            "Carol's API, whose id is in other, still has the expression request.body.action: "
            "change it in the cell above, then run this cell again."
        )
    if expression not in LOOKS_AT_ACTION:
        raise CheckFailed(
            f"the expression looks at action. It is {expression!r}. Look at: the dollar sign, and the path behind it."
        )
    print(f"ok: the expression is {expression}")
    url = answer.lesson.url_of(answer.other)
    told = _told(answer, url, {"action": "sendMessage", "message": "Does anybody hear me?"})
    if FORBIDDEN in told:
        raise CheckFailed(
            "a message finds its route. It got Forbidden, because prod serves a deployment from before the change. "
            "Look at: deploy(other), which has to come after update_api."
        )
    check("a message finds its route", _message(told), "Heard.", look="the route sendMessage of Carol's API")
    told = _told(answer, url, {"action": "nowhere"})
    check("an unknown action finds none", _message(told), "Forbidden", look="the expression: does it read action?")


@exercise("2.4", account=True, look="create_stage: the name, and the deployment")
def add_a_stage(answer: Answer) -> None:
    """A stage ``dev`` serves the deployment without the dollar sign; ``prod`` serves another one."""
    gateway = answer.lesson.account.client("apigatewayv2")
    _refuse_when_gone(answer, gateway)
    found = gateway.get_stages(ApiId=answer.other)["Items"]
    stages = {one["StageName"]: one.get("DeploymentId") for one in found}
    if "dev" not in stages:
        others = sorted(stages.keys() - {"prod"})
        if others:
            raise CheckFailed(
                f"the stage's name is dev. Carol's API has {' and '.join(others)}. Look at: StageName, letter by letter."
            )
        raise NotAnswered(
            "Carol's API has only the stage prod. create_stage makes a second one: "
            "make dev in the cell above, then run this cell again."
        )
    if not stages["dev"]:
        raise CheckFailed("dev serves a deployment. It serves none, so it refuses everybody. Look at: DeploymentId.")
    if stages["dev"] != answer.yesterday:
        which = "the one that prod serves" if stages["dev"] == stages.get("prod") else "another one"
        raise CheckFailed(f"dev serves yesterday's deployment. It serves {which}. Look at: DeploymentId=yesterday.")
    print("ok: dev serves yesterday's deployment")
    mended = gateway.get_api(ApiId=answer.other)["RouteSelectionExpression"] in LOOKS_AT_ACTION
    if mended and stages.get("prod") == answer.yesterday:
        raise CheckFailed(
            "prod serves another deployment than dev. It serves yesterday's, too, so people on prod get Forbidden. "
            "Look at: update_stage, which points prod at the deployment of exercise 2.3 again; or call deploy(other)."
        )
    told = _told(answer, answer.lesson.url_of(answer.other, "dev"), {"action": "sendMessage"})
    check("yesterday's fault shows on dev", _message(told), "Forbidden", look="what dev serves")


def _refuse_when_gone(answer: Answer, gateway: Any) -> None:
    """Carol's API lives until the lesson's clean-up."""
    try:
        gateway.get_api(ApiId=answer.other)
    except gateway.exceptions.NotFoundException:
        raise NotAnswered(
            'Carol\'s API is gone, because the clean-up deletes it. Run the cells from "A route that answers" on again.'
        ) from None


def _told(answer: Answer, url: str, frame: dict[str, Any]) -> str:
    """The first frame that comes back to a visitor, "" for none. Raises ``CheckFailed`` where nobody gets in."""
    visitor = answer.lesson.panel("visitor", url)
    try:
        if not visitor.connected:
            raise CheckFailed(
                f"a visitor gets in. They were {visitor.status}. Look at: the stage, and the deployment that it serves."
            )
        visitor.send_frame(frame)
        visitor.wait_for_frame(timeout=ANSWER_WITHIN_S)
        return visitor.raw_frames()[0]
    except PanelTimeout:
        return ""
    finally:
        visitor.disconnect()


def _message(text: str) -> Any:
    """What a frame says, or the frame itself where it is not a message."""
    try:
        return json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        return text
