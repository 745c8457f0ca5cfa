"""The exercises of lesson 7a: how IAM decides, who may call a function, what a denial says, the smallest policy.

The policy is tried, not only read: the learner's chat handler runs in a trial
whose role has the statements of the learner's template, and then each pair of
action and resource must be one that the handler has used.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from classroom.exercises.checks import CheckFailed, attempt, check
from classroom.exercises.exercise import Answer
from classroom.exercises.registry import exercise
from classroom.exercises.templates import PSEUDO, Template, listed, statements_of
from classroom.my_chat.chat import function_of
from classroom.my_chat.pretended_aws import PREFIX
from classroom.my_chat.trial import DOMAIN, Outcome, Trial
from localstage.policy.document import MalformedPolicy, read_policy

TEMPLATE, HANDLER_BY = "chat_function.yaml", "5.7"
PREDICTIONS = {
    "7a.a": "Write a line into its log",
    "7a.b": "She is in, and in your table",
    "7a.c": "They are out of the chat",
    "7a.d": "Nothing",
}
GIVEN = {"Prefix": PREFIX.rstrip("-"), "ApiId": DOMAIN.partition(".")[0], "CodeBucket": "bucket", "CodeKey": "key"}
_PLACE = f"{PSEUDO['AWS::Region']}:{PSEUDO['AWS::AccountId']}"
_TABLE = f"arn:aws:dynamodb:{_PLACE}:table/"
_LOGS = f"arn:aws:logs:{_PLACE}:log-group:"
_PERMISSION = "AWS::Lambda::Permission"
_API = f"arn:aws:execute-api:{_PLACE}:"


@exercise("7a.1", file="iam.py", look="the rules above, one by one")
def decide_as_iam(answer: Answer) -> None:
    """``allowed`` decides as IAM does: nothing is allowed unless a statement allows it, and a Deny wins."""
    allowed = function_of(answer.text, "allowed", "iam.py")
    rooms, payroll = "arn:aws:dynamodb:us-east-1:111122223333:table/rooms", "arn:aws:s3:::payroll/2026.csv"

    def ask(what: str, statements: list[dict[str, Any]], action: str, resource: str, right: bool, look: str) -> None:
        found = attempt(what, partial(allowed, statements, action, resource), look=look)
        if type(found) is not bool:
            raise CheckFailed(
                f"{what}. Found {found!r}, a {type(found).__name__}, instead of True or False. Look at: each return."
            )
        check(what, "allowed" if found else "denied", "allowed" if right else "denied", look=look)

    def allow(action: Any, resource: Any, effect: str = "Allow") -> dict[str, Any]:
        return {"Effect": effect, "Action": action, "Resource": resource}

    put = allow("dynamodb:PutItem", rooms)
    ask("without a statement", [], "dynamodb:PutItem", rooms, False, "the return at the end: what nobody allows")
    ask("what a statement names", [put], "dynamodb:PutItem", rooms, True, "Action and Resource: both must fit")
    ask("another action", [put], "dynamodb:Scan", rooms, False, "the Action of the statement")
    ask("another resource", [put], "dynamodb:PutItem", f"{rooms}-2", False, "the Resource of the statement")
    both = [allow("dynamodb:*", rooms), allow(["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::rooms/*", payroll])]
    ask("a star in the action", both[:1], "dynamodb:DeleteTable", rooms, True, "the star: fnmatchcase(text, pattern)")
    ask("the second of two actions and resources", both, "s3:PutObject", payroll, True, "Action or Resource as a list")
    ask("a star in the resource", both, "s3:GetObject", "arn:aws:s3:::rooms/a", True, "the star in the resource")
    ask(
        "one statement's action, another's resource",
        both,
        "dynamodb:Scan",
        payroll,
        False,
        "one and the same statement",
    )
    ask(
        "an action in other letters",
        [allow("DynamoDB:putitem", rooms)],
        "dynamodb:PutItem",
        rooms,
        True,
        "capital letters, which IAM ignores in actions: .lower()",
    )
    deny, look = allow("s3:*", payroll, "Deny"), "Effect: one Deny that fits is enough, wherever it stands"
    for where, statements in (("last", [allow("*", "*"), deny]), ("first", [deny, allow("*", "*")])):
        ask(f"a Deny that stands {where}", statements, "s3:GetObject", payroll, False, look)
        ask("what the Deny does not speak of", statements, "s3:GetObject", "arn:aws:s3:::rooms/a", True, look)


@exercise("7a.2", file=TEMPLATE, look="the resource Permission, and its SourceArn")
def let_nobody_else_call(answer: Answer) -> None:
    """Only the routes of the stage prod of this very API may call the function."""
    template = Template(answer.text, GIVEN)
    function, _ = template.only("AWS::Lambda::Function")
    patterns = []
    for name, permission in (template.all_of(_PERMISSION) or dict([template.only(_PERMISSION)])).items():
        check(f"the Principal of {name}", permission.get("Principal"), "apigateway.amazonaws.com", look="who calls")
        check(f"the Action of {name}", permission.get("Action"), "lambda:InvokeFunction", look="what they do")
        about = permission.get("FunctionName")
        if about not in (f"<{function}>", f"<{function}.Arn>"):
            raise CheckFailed(f"{name} is about the function. Found {about!r}. Look at: !Ref {function}.")
        if not permission.get("SourceArn"):
            raise CheckFailed(
                f"{name} says which API may call. It has no SourceArn, so it is every API of every account. "
                "Look at: SourceArn, as far to the right as Principal."
            )
        patterns.append(str(permission["SourceArn"]))
    own = f"{_API}{GIVEN['ApiId']}"
    for what, caller, expected in (
        ("the route $connect", f"{own}/prod/$connect", "may"),
        ("the route sendMessage", f"{own}/prod/sendMessage", "may"),
        ("the route $disconnect", f"{own}/prod/$disconnect", "may"),
        ("another API", f"{_API}z9y8x7w6v5/prod/$connect", "may not"),
        ("another stage, dev", f"{own}/dev/$connect", "may not"),
        (
            "the same API id in another account",
            f"{own}/prod/$connect".replace(PSEUDO["AWS::AccountId"], "444455556666"),
            "may not",
        ),
    ):
        found = "may" if any(fnmatchcase(caller, pattern) for pattern in patterns) else "may not"
        if found != expected:
            raise CheckFailed(
                f"{what} {expected} call the function. With {' and '.join(map(repr, patterns))} it {found}. "
                f"Look at: each part of the pattern, which is to fit {own}/prod/$connect and its like only; "
                "without !Sub, ${…} stays as it is."
            )
        print(f"ok: {what} {expected} call the function")


@exercise("7a.3", file="denial.py", look="the words before and after the action and the resource")
def read_a_denial(answer: Answer) -> None:
    """``denied`` finds action and resource in a line of the log, and None in others; ``denials`` lists each once."""
    denied, denials = (function_of(answer.text, name, "denial.py") for name in ("denied", "denials"))
    table, posts = f"{_TABLE}lab-ChatConnections", f"{_API}a1b2c3d4e5/prod/POST/@connections/{{connectionId}}"
    user = "User: arn:aws:sts::123456789012:assumed-role/lab-role/lab-own_chat is not authorized to perform: "
    scan = (
        f"[ERROR] ClientError: An error occurred (AccessDeniedException) when calling the Scan operation: {user}"
        f"dynamodb:Scan on resource: {table} because no identity-based policy allows the dynamodb:Scan action\n"
    )
    post = f"delivery failed R0oXAcfD0kwCFiA= {user}execute-api:ManageConnections on resource: {posts}\n"
    start = "START RequestId: 4cf0 Version: $LATEST\n"
    scanned, posted = ("dynamodb:Scan", table), ("execute-api:ManageConnections", posts)
    for what, line, expected in (
        ("a line with a denial of DynamoDB's", scan, scanned),
        ("API Gateway's, which ends with the resource", post, posted),
        ("a line without one", start, None),
        ("an empty line", "", None),
        ("another error", "[ERROR] KeyError: 'message'\n", None),
    ):
        found = attempt(
            what, partial(denied, line), look="lines without a denial: see first whether the words are there"
        )
        found = tuple(found) if isinstance(found, list) else found
        check(what, found, expected, look="where the action and the resource begin, and that both end before a blank")
    log = [start, scan, post, scan, "", post]
    found = attempt("the denials of a log", partial(denials, log), look="denied, called for each line")
    found = [tuple(one) if isinstance(one, list) else one for one in found or ()]
    check("each denial of a log once, in the order of the log", found, [scanned, posted], look="None, and repetitions")
    check("a log without denials", attempt("a log without denials", partial(denials, [start])), [], look="the return")


@exercise("7a.4", file=TEMPLATE, look="the first sentence that says denied, in the log")
def allow_what_is_needed(answer: Answer) -> None:
    """The role lets the chat do everything that it does, a stale row included, and nothing else."""
    template = Template(answer.text, GIVEN)
    _, role = template.only("AWS::IAM::Role")
    if role.get("ManagedPolicyArns"):
        raise CheckFailed(
            f"the role has no policies but yours. Found {role['ManagedPolicyArns'][0].rpartition('/')[2]}. "
            "Look at: ManagedPolicyArns, which Policies takes the place of."
        )
    trusted = [one.get("Principal") for one in statements_of(role.get("AssumeRolePolicyDocument"))]
    check(
        "Lambda may act as the role",
        trusted,
        [{"Service": "lambda.amazonaws.com"}],
        look="AssumeRolePolicyDocument, which stays as it was",
    )
    logs, group = template.only("AWS::Logs::LogGroup")
    log_arn = f"{_LOGS}{group.get('LogGroupName')}:*"  # what !GetAtt Logs.Arn comes to
    statements = [
        {key: _with_arn(value, f"<{logs}.Arn>", log_arn) for key, value in statement.items()}
        for policy in listed(role.get("Policies"))
        for statement in statements_of(policy.get("PolicyDocument") if isinstance(policy, dict) else None)
    ]
    _check_readable(statements)
    used = {("logs:CreateLogStream", log_arn), ("logs:PutLogEvents", log_arn)}
    for action, resource in sorted(used):
        if not _allows(statements, action, resource):
            raise CheckFailed(
                f"the function can write its log. Your policy does not allow {action} on {_short(resource)}, "
                "so there is no line that could help you. Look at: the template of lesson 3."
            )
    print("ok: the function can write its log")
    chat = answer.lesson.my_chat
    with chat.trial_of(chat.version(HANDLER_BY)) as trial:
        trial.permit(*statements)
        used |= set(_chat(trial))
    for action, resource in _pairs(statements):
        if not any(_is(action, resource, *need) for need in used):
            raise CheckFailed(_too_wide(action, resource, used))
    print("ok: no statement allows more than the chat does")


def _chat(trial: Trial) -> Iterator[tuple[str, str]]:
    """People come, talk, vanish and leave; what the handler needed, or the first thing that was denied to it."""
    names = ("ann", "bob", "carol")
    for name in names:
        yield from _needs(f"{name} connects", trial.connect(name))
    check("each connection is one row", _there(trial), list(names), look="the log, for what the handler caught")
    yield from _needs("ann writes", trial.send("ann", "Hello"))
    for name in names:
        check(f"what {name} reads", [frame["message"] for frame in trial.screen(name)], ["Hello"], look="the log")
    trial.vanish("bob")
    yield from _needs("bob is gone without a word, and ann writes", trial.send("ann", "Bob?"))
    check("his stale row is gone", _there(trial), ["ann", "carol"], look="DeleteItem")
    yield from _needs("carol leaves", trial.leave("carol"))
    check("her row is gone", _there(trial), ["ann"], look="DeleteItem")


def _needs(what: str, outcome: Outcome) -> tuple[tuple[str, str], ...]:
    if outcome.denied:
        action, resource = outcome.denied[0]
        raise CheckFailed(
            f"{what}, and your handler may not do what it does then: {action} on {_short(resource)} is denied. "
            "Look at: Action and Resource of your statements, to the letter."
        )
    print(f"ok: {what}")
    return outcome.needs


def _there(trial: Trial) -> list[str]:
    names = {trial.id_of(name): name for name in ("ann", "bob", "carol")}
    return sorted(names[row["connection_id"]] for row in trial.rows("ChatConnections"))


def _check_readable(statements: list[dict[str, Any]]) -> None:
    """IAM would take the policy, and each statement says which actions and which resources it is about."""
    for number, statement in enumerate(statements, 1):
        missing = [key for key in ("Effect", "Action", "Resource") if key not in statement]
        if missing:
            raise CheckFailed(
                f"statement {number} is complete. It has no {missing[0]}. "
                f"Look at: the three lines of a statement: Effect, Action and Resource, equally far to the right."
            )
        for key in ("Action", "Resource"):
            odd = [one for one in listed(statement[key]) if not isinstance(one, str)]
            if odd:
                raise CheckFailed(
                    f"each {key} is text. Found {odd[0]!r} in statement {number}. Look at: its indentation."
                )
        unfilled = [one for one in listed(statement["Resource"]) if "${" in one]
        if unfilled:
            raise CheckFailed(
                f"names are filled in. Statement {number} is about {unfilled[0]!r}. "
                "Look at: !Sub, without which ${…} stays as it is."
            )
    try:
        read_policy({"Version": "2012-10-17", "Statement": statements})
    except MalformedPolicy as error:
        raise CheckFailed(f"IAM can read the policy. {error}. Look at: Effect, which is Allow.") from None


def _pairs(statements: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Every pair of action and resource that a statement allows: a list of two actions on two resources is four."""
    for statement in statements:
        if statement["Effect"] == "Allow":
            for action in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    yield action, resource


def _is(action: str, resource: str, needed: str, arn: str) -> bool:
    """Whether a pair is a need and no more. A post needs one connection, and the star for it is as small as it gets."""
    connections = arn.partition("/@connections/")
    smallest = {arn, f"{connections[0]}/@connections/*"} if connections[1] else {arn}
    if needed.startswith("logs:"):
        smallest |= {f"{arn.removesuffix('*')}log-stream:*"}
    return action.lower() == needed.lower() and resource in smallest


def _too_wide(action: str, resource: str, used: set[tuple[str, str]]) -> str:
    begin = f"no statement allows more than the chat does. Yours allows {action} on {_short(resource)}"
    actions = {needed for needed, _ in used if fnmatchcase(needed.lower(), action.lower())}
    if "*" in action:
        return f"{begin}. Look at: the star in the action, which fits much more than {', '.join(sorted(actions))}."
    if not actions:
        return f"{begin}, and your handler never calls it. Look at: the calls that the log has shown."
    smaller = sorted(_short(arn) for needed, arn in used if needed in actions)
    return (
        f"{begin}, and your handler does that on {' and '.join(dict.fromkeys(smaller))} only. "
        "Look at: stars, and statements with several actions and several resources, which allow every pair of them."
    )


def _allows(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    return any(
        fnmatchcase(action.lower(), one.lower()) and (resource == where or fnmatchcase(resource, where))
        for one, where in _pairs(statements)
    )


def _with_arn(value: Any, mark: str, arn: str) -> Any:
    if isinstance(value, list):
        return [_with_arn(one, mark, arn) for one in value]
    return value.replace(f"{mark}:*", arn).replace(mark, arn) if isinstance(value, str) else value


def _short(arn: str) -> str:
    """A resource as it would be written in the template."""
    rest = arn.split(":", 5)[-1] if arn.startswith("arn:") else arn
    name = rest.partition("/@connections/Trial")
    rest = f"{name[0]}/@connections/*" if name[1] else rest
    return rest.replace(PREFIX, "${Prefix}-").replace(GIVEN["ApiId"], "${ApiId}")
