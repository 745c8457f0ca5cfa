"""The exercises of lesson 4: reading an event, storing messages, refusing what is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from classroom.exercises.checks import CheckFailed, attempt, check, check_returned
from classroom.exercises.exercise import Answer
from classroom.exercises.function_templates import check_callers, check_parameters, check_permission, check_role, table
from classroom.exercises.handler_checks import RETURNS, check_answered, check_not_raised, only_row
from classroom.exercises.registry import exercise
from classroom.exercises.templates import Template

FILE, TEMPLATE = "chat_handler.py", "template.yaml"
CHAT = "Chat"
"""With this begin the names of the chat function's resources; all others are lesson 3's."""
GIVEN = {"Prefix": "lab", "ApiId": "a1b2c3d4e5", "CodeBucket": "bucket", "CodeKey": "key"}
FINISHES = {FILE: "4.4", TEMPLATE: "4.1"}
PREDICTIONS = {
    "4.a": "No",
    "4.b": "Nothing on either screen",
    "4.c": "She gets an error and stays connected",
    "4.d": "Nothing",
    "4.e": "One",
    "4.f": "No, fewer",
}
EVENT: dict[str, Any] = {
    "requestContext": {
        "routeKey": "sendMessage",
        "messageId": "R0oXAdfD0kwCH6w=",
        "eventType": "MESSAGE",
        "requestTimeEpoch": 1_795_275_417_876,
        "connectionId": "R0oXAcfD0kwCFiA=",
    },
    "body": '{"action": "sendMessage", "sender": "dana", "message": "Can you read this?"}',
    "isBase64Encoded": False,
}


@exercise("4.1", file=TEMPLATE, look="the list of what to add, and the role and the permission that you wrote for 3.3")
def describe_the_chat_function(answer: Answer) -> None:
    """The template has the chat function beside the greeter, with a role and permissions of its own."""
    check_chat_function(answer, {"MESSAGES_TABLE": "lab-ChatMessages"}, [("dynamodb:PutItem", table("ChatMessages"))])


def check_chat_function(
    answer: Answer, variables: dict[str, str], may: list[tuple[str, str]], may_not: Sequence[tuple[str, str]] = ()
) -> None:
    """Everything that the chat function needs is in the template; its variables and permissions grow with the lessons."""
    template = Template(answer.text, GIVEN, begins=CHAT)
    check_parameters(template, GIVEN)
    logs, group = template.only("AWS::Logs::LogGroup")
    check("its log group", group.get("LogGroupName"), "/aws/lambda/lab-chat_handler", look="ChatLogs")
    function, properties = template.only("AWS::Lambda::Function")
    expected = {"FunctionName": "lab-chat_handler", "Handler": "chat_handler.lambda_handler"}
    check(
        "the function", {key: properties.get(key) for key in expected}, expected, look="ChatFunction, as it was given"
    )
    code = {"S3Bucket": GIVEN["CodeBucket"], "S3Key": GIVEN["CodeKey"]}
    check("where its code is", properties.get("Code"), code, look="Code in ChatFunction, as it was given")
    found = (properties.get("Environment") or {}).get("Variables") or {}
    for name, value in variables.items():
        check(f"the variable {name}", found.get(name), value, look="Environment, and in it Variables, of ChatFunction")
    role, granted = template.only("AWS::IAM::Role")
    check("the function acts as the role", properties.get("Role"), f"<{role}.Arn>", look="the name of your role")
    check_role(granted, logs, may, may_not)
    _check_permissions(template, function, properties)
    integration, _ = template.only("AWS::ApiGatewayV2::Integration")
    output = template.outputs().get("ChatIntegrationId")
    check("the output ChatIntegrationId", output, f"<{integration}>", look="Outputs, as it was given")


def _check_permissions(template: Template, function: str, properties: dict[str, Any]) -> None:
    permissions = template.all_of("AWS::Lambda::Permission").values()
    by_route = {str(one.get("SourceArn")).rpartition("/")[2]: one for one in permissions}
    for route in ("$connect", "$disconnect", "sendMessage"):
        if route not in by_route:
            raise CheckFailed(
                f"there is a permission for the route {route}. There are permissions for "
                f"{', '.join(sorted(by_route)) or 'none'}. Look at: the end of SourceArn, a resource for each route."
            )
        check_permission(by_route[route], function, properties)
        check_callers(str(by_route[route].get("SourceArn")), GIVEN["ApiId"], route)


@exercise("4.2", names=("read",), look="the two tables of keys above")
def read_an_event(answer: Answer) -> None:
    """``read`` finds four things in an event that it has never seen."""
    found = attempt(
        "read takes an event apart",
        lambda: answer.read(EVENT),
        look='what stands inside requestContext, and json.loads(event["body"])',
    )
    check_returned("it gives four things", found, tuple, look="the commas between the four, behind return")
    check("it gives four things", len(found), 4, look="the commas between the four, behind return")
    request = EVENT["requestContext"]
    check("the route key", found[0], request["routeKey"], look="requestContext")
    check("the connection id", found[1], request["connectionId"], look="requestContext")
    order = "the order: route key, connection id, sender, message"
    swapped = found[2:] == ("Can you read this?", "dana")
    check("who sent it", found[2], "dana", look=order if swapped else "the key sender of the body")
    check("what they sent", found[3], "Can you read this?", look="the key message of the body")


@exercise("4.3", file=FILE, look="the list of what the handler does, above")
def store_messages(answer: Answer) -> None:
    """The handler stores each message once, under the event's time, and answers all three routes."""
    with answer.trial() as trial:
        check_answered("whoever connects is let in", trial.connect("ann"), error_look=RETURNS)
        check("connecting stores nothing", trial.rows("ChatMessages"), [], look="the route: only sendMessage stores")
        event = trial.event("sendMessage", "ann", {"action": "sendMessage", "sender": "ann", "message": "Hello"})
        check_answered("a message is handled", trial.handle(event))
        row = only_row(trial, "ChatMessages", look="put_item, and the route for which it is called")
        check("its room", row.get("room_id"), "global", look="room_id")
        check("its sender", row.get("sender"), "ann", look="the sender in the body")
        check("its text", row.get("message"), "Hello", look="the message in the body")
        check(
            "its timestamp is the event's",
            row["timestamp"],
            event["requestContext"]["requestTimeEpoch"],
            look="requestTimeEpoch; a clock in the handler says when the function ran, not when the message came",
        )
        trial.connect("bob")
        check_answered("somebody else's message is handled", trial.send("bob", "Hi"))
        check("two messages are two rows", len(trial.rows("ChatMessages")), 2, look="the timestamp of each row")
        check_answered("whoever leaves is answered", trial.leave("ann"))


@exercise("4.4", file=FILE, look="the four cases above, one by one")
def refuse_what_is_no_message(answer: Answer) -> None:
    """Whatever is no text with something in it is answered 400 and not stored; everything else works as before."""
    with answer.trial() as trial:
        trial.connect("ann")
        for what, body in _REFUSED.items():
            outcome = trial.send_body("ann", {"action": "sendMessage", "sender": "ann", **body})
            check_not_raised(f"{what} is refused", outcome, look='body.get("message")')
            check(f"{what} is not stored", len(trial.rows("ChatMessages")), 0, look="the test before put_item")
            check_answered(f"{what} is answered 400", outcome, 400, look="the return of a refused message")
        check_answered("a good message is stored", trial.send("ann", "Hello"), look="what your test lets pass")
        only_row(trial, "ChatMessages", look="what your test lets pass")
        nameless = trial.send_body("ann", {"action": "sendMessage", "message": "Who am I?"})
        check_answered("a message without a sender is stored", nameless, look='body.get("sender")')
        row = trial.rows("ChatMessages")[-1]
        check("its sender is the connection id", row.get("sender"), trial.id_of("ann"), look='request["connectionId"]')
        trial.break_tables()
        failed = trial.send("ann", "Is anybody there?")
        check(
            "a fault of DynamoDB is not hidden as a bad message",
            "raised" if failed.error else "caught",
            "raised",
            look="an except around put_item: nobody would ever learn that messages are lost",
        )


_REFUSED: dict[str, dict[str, Any]] = {
    "a message without text": {},
    "an empty message": {"message": ""},
    "a message of spaces": {"message": "   "},
    "a number": {"message": 7},
}


@exercise("4.5", file="agree.py", look="the words that are offered, and the header of what is returned")
def agree_on_a_word(answer: Answer) -> None:
    """On ``$connect`` the handler repeats ``chat.v2`` to whoever offers it, and says no word to anybody else.

    AWS: FIDELITY section 3, the header of the handshake's answer.
    """
    with answer.trial() as trial:
        trial.connect("ann")  # so that a message can come from somebody
        for offered, expected in _OFFERS.items():
            event = trial.event("$connect", "ann")
            if offered:
                event["headers"][_WORD] = offered
                event["multiValueHeaders"][_WORD] = [offered]
            what = f"a client that offers {offered or 'nothing'} is let in"
            outcome = trial.handle(event)
            check_answered(what, outcome, error_look="the header, which is missing where nothing is offered")
            found = {name.lower(): word for name, word in (outcome.result.get("headers") or {}).items()}
            look = "headers, the second entry of what is returned" if expected else "the whole words of the offer"
            check("the word that it hears", found.get(_WORD.lower()), expected, look=look)
        said = trial.send("ann", "Hello")
        check_answered("a message is answered", said, error_look="headers, which the event of a message does not have")
        check_answered("whoever leaves is answered", trial.leave("ann"), error_look="headers")


_WORD = "Sec-WebSocket-Protocol"
_OFFERS = {
    "chat.v2": "chat.v2",
    "chat.v1, chat.v2": "chat.v2",
    "chat.v2,chat.v1": "chat.v2",
    "chat.v1": None,
    "chat.v20": None,
    "": None,
}
"""What clients offer, and the word that they have to hear."""
