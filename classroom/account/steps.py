"""What each lesson leaves behind, and how to bring an account to the state at which a lesson begins.

One entry of ``STATES`` per lesson says what exists when it starts; ``set_up``
makes it so from any other state, forwards and backwards, and is idempotent.
The steps are the ones that the lessons' cells show; tests compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from classroom.account import api, boundary, packages, stack, tables
from classroom.account.account import STAGE_NAME, TABLES, Account
from classroom.exercises import solutions


@dataclass(frozen=True)
class State:
    """What exists. ``routes`` names each route's target: mock, or a function of a stack (default; chat; connect,
    disconnect and send_message of ``sessions``); ``handlers`` and ``sessions`` say whether there is a stack of that
    name; ``chat`` how far the learner's template has grown, of which the stack chat is made: a word of ``GROWN``."""

    tables: bool = False
    routes: dict[str, str] = field(default_factory=dict)
    handlers: bool = False
    chat: str = ""
    sessions: bool = False


_MOCK = dict.fromkeys(api.ROUTE_KEYS, "mock")
_CHAT = {**dict.fromkeys(api.ROUTE_KEYS, "chat"), "$default": "default"}
_SESSIONS = {"$connect": "connect", "$disconnect": "disconnect", "sendMessage": "send_message"}
_SCRATCH_STACKS = ("own-chat", "authorizer")
"""What lessons make and delete themselves, and what is left of one that was not finished."""
TEMPLATE = "template.yaml"
GROWN = {"": "", "greets": "3.3", "stores": "4.1", "broadcasts": "5.1"}
"""How far the learner's template grows, in order, and the exercise that brings it there."""
_HELLO = "hello"
"""The route of lesson 3: made by hand first, and then by the learner's template, whose stack owns it from then on."""
STATES = {
    1: State(),
    2: State(tables=True),
    3: State(tables=True, routes=_MOCK),
    4: State(tables=True, routes={**_MOCK, "$default": "default"}, handlers=True, chat="greets"),
    5: State(tables=True, routes=_CHAT, handlers=True, chat="stores"),
    6: State(tables=True, routes=_CHAT, handlers=True, chat="broadcasts"),
    7: State(tables=True, routes={**_CHAT, "ping": "default"}, handlers=True, chat="broadcasts"),
}
STATES[8] = replace(STATES[7], routes={**STATES[7].routes, **_SESSIONS}, sessions=True)
CREATES = {
    0: "Lesson 0 makes one stack: three tables, a WebSocket API, four functions and their roles. Lesson 0b makes nothing.",
    1: "This lesson makes three DynamoDB tables.",
    2: "This lesson makes three tables and a WebSocket API.",
    3: "This lesson makes three tables, a WebSocket API, a bucket, a function with its role by hand, and two stacks "
    "with a function and its role each.",
    4: "This lesson makes three tables, a WebSocket API, a bucket, and two stacks with three functions and their roles.",
    5: "This lesson makes three tables, a WebSocket API, a bucket, and two stacks with three functions and their roles.",
    6: "This lesson makes three tables, a WebSocket API, a bucket, and two stacks with three functions and their roles.",
    7: "Lessons 7 to 7c make three tables, a WebSocket API, a bucket, four stacks with seven functions and their roles, "
    "a practice function with its role, and a second API for a few minutes.",
    8: "Lesson 8 makes two stacks, each the whole chat: three tables, a WebSocket API, four functions and their roles; "
    "one of them has an alarm, too. Lesson 8b makes such a stack with SAM, and for a minute five more.",
    9: "Lesson 9 makes one stack, the chat with rooms: three tables, a WebSocket API, five functions and their roles.",
    10: "Lesson 10 makes one stack, a chat to be measured: a table, a WebSocket API, a function and its role. It opens up "
    "to 200 connections and sends about ten thousand messages.",
    99: "This lesson deletes everything of the course whose name begins with your prefix.",
}
_COURSE_ROUTES = {_HELLO, *(key for state in STATES.values() for key in state.routes)}
"""The keys of the routes that lessons make; all others are a learner's own."""
_ADDS = {"greets": "the greeter", "stores": "the chat function", "broadcasts": "its table of connections"}
"""What each step of the learner's template brings into the stack chat."""
FRESH = "It begins as if for the first time: it names what that deletes under your prefix, and asks again."
COST = "A few hundred messages stay far below one US cent; lesson 99 deletes everything."
COSTS = {10: "Ten thousand messages are about one US cent; lesson 99 deletes everything."}
"""What the lessons cost that send more than a few hundred messages."""


def consent(lesson: int, fresh: bool) -> str:
    """What a lesson makes, deletes and costs, for the question that comes before the first change."""
    return " ".join([CREATES[lesson], *([FRESH] * (lesson in STATES and fresh)), COSTS.get(lesson, COST)])


@dataclass(frozen=True)
class Begun:
    """What ``set_up`` found and did: the API's id, None when there is none; in words what it left standing although
    the lesson begins without it, and which half-done things it deleted; why the learner's template was not used."""

    api_id: str | None
    kept: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    refused: str = ""


def set_up(
    account: Account, lesson: int, chat: bytes | None = None, template: str | None = None, *, keep: bool = False
) -> Begun:
    """Bring the account to the state at which a lesson begins.

    ``chat`` is the package of the chat function and ``template`` what the stack chat is made of, the course's own
    unless given; the course's also takes the place of a template that CloudFormation refuses. With ``keep`` nothing is
    deleted that this lesson or a later one has made or stored: what the lesson needs is added, its routes lead where
    they should, and connections that have ended are forgotten. Without it, ``doomed`` says what is deleted. A route
    whose key the course does not know is the learner's own, and stays. Lessons 0 and 99 begin with whatever there is.
    """
    if lesson not in STATES:
        return Begun(api.find_api(account))
    state = STATES[lesson]
    kept = beyond(account, state) if keep else ()
    removed = _remove_unfinished(account, state)
    if not keep:
        _remove_what_is_beyond(account, state)
    api_id = api.ensure_api(account) if state.routes else api.find_api(account)
    if state.tables:
        tables.ensure_tables(account)
        if keep:
            tables.forget_ended(account, api_id)
            kept += _stored(account)
        else:
            tables.empty_tables(account)
    refused = ""
    if api_id and state.routes:
        made_of = chat or course_chat(), template or course_template(state)
        refused = _build_api(account, api_id, state, *made_of, keep)
    return Begun(api_id, kept, removed, refused)


def doomed(account: Account, lesson: int) -> tuple[str, ...]:
    """What a lesson that is begun afresh deletes, in words: what goes beyond its state, and the rows of its tables."""
    state = STATES.get(lesson)
    if state is None:
        return ()
    return beyond(account, state) + (_stored(account) if state.tables else ())


def _stored(account: Account) -> tuple[str, ...]:
    """How many rows the tables have that have any, in words."""
    found = tables.rows(account).items()
    return tuple(f"{count} row{'' if count == 1 else 's'} in {short}" for short, count in found if count)


def beyond(account: Account, state: State) -> tuple[str, ...]:
    """What there is of the course in the account although ``state`` does not have it, in words."""
    api_ids, grown = api.find_apis(account), _grown(account)
    routes = api.targets(account, api_ids[0]).keys() if api_ids else set()
    existing = set() if state.tables else tables.existing_tables(account)
    found = [f"the table {short}" for short in TABLES if account.name(short) in existing]
    if not state.routes:
        found += ["the API chat-api"] * bool(api_ids)
    else:
        found += ["a second API of the name chat-api"] * (len(api_ids) > 1)
        found += [f"the route {key}" for key in sorted(routes & _not_of(state, grown))]
    if not state.handlers and stack.stack_status(account, account.name("handlers")):
        found.append("the stack handlers")
    if grown and not state.chat:
        found.append("the stack chat")
    else:
        found += [f"{_ADDS[step]} in the stack chat" for step in _steps_between(state.chat, grown)]
    if not state.sessions and stack.stack_status(account, account.name("sessions")):
        found.append("the stack sessions")
    return tuple(found)


def missing(account: Account, lesson: int) -> tuple[str, ...]:
    """What a lesson begins with and is not in the account, in words."""
    state = STATES.get(lesson, State())
    existing, api_id = tables.existing_tables(account), api.find_api(account)
    found = [f"the table {short}" for short in TABLES if state.tables and account.name(short) not in existing]
    if state.routes and not api_id:
        found.append("the API chat-api")
    elif state.routes and api_id:
        routes = api.targets(account, api_id)
        found += [f"the route {key}" for key in state.routes if key not in routes]
        found += [] if api.has_stage(account, api_id) else [f"the stage {STAGE_NAME}"]
    needed = [("handlers", state.handlers), ("chat", bool(state.chat)), ("sessions", state.sessions)]
    found += [
        f"the stack {short}"
        for short, is_needed in needed
        if is_needed and not stack.stack_status(account, account.name(short))
    ]
    return tuple(found)


def course_chat() -> bytes:
    """The package of the course's own chat function."""
    return packages.package_of(packages.sources_of("chat_handler"))


def course_template(state: State) -> str:
    """The course's version of the learner's template at the beginning of a lesson; "" where there is none yet."""
    return (solutions.course_text(TEMPLATE, GROWN[state.chat]) or "") if state.chat else ""


def handlers_parameters(account: Account, api_id: str) -> dict[str, str]:
    """The parameters of the handlers stack; uploads the package of its function."""
    return {
        "Prefix": account.prefix,
        "ApiId": api_id,
        "StageName": STAGE_NAME,
        "CodeBucket": account.bucket,
        "CodeKey": packages.upload(account, packages.package_of(packages.sources_of("default"))),
        "LogRetentionDays": "3",
    }


def sessions_parameters(account: Account, api_id: str) -> dict[str, str]:
    """The parameters of the sessions stack, join and leave notices included; uploads the deployment packages."""
    tables_of = {f"{short}Table": account.name(f"Chat{short}") for short in ("Messages", "Connections", "Sessions")}
    key = packages.upload_functions(account)
    return {**handlers_parameters(account, api_id), **tables_of, "CodeKey": key, "JoinAndLeaveNotices": "true"}


def _build_api(account: Account, api_id: str, state: State, chat: bytes, template: str, keep: bool) -> str:
    """Make the stacks of ``state`` and point its routes at them; why the learner's template was not used, if so.

    With ``keep`` a stack chat that has grown further stays as it is.
    """
    integrations, refused = {"mock": api.ensure_mock(account, api_id)}, ""
    if state.handlers:
        found = stack.deploy(account, account.name("handlers"), "handlers.yaml", handlers_parameters(account, api_id))
        integrations["default"] = found["DefaultIntegrationId"]
    if state.chat:
        if not keep or not _steps_between(state.chat, _grown(account)):
            refused = _deploy_chat(account, api_id, state, chat, template)
        if "chat" in state.routes.values():
            _run(account, chat)
            integrations["chat"] = stack.outputs(account, account.name("chat"))["ChatIntegrationId"]
    if state.sessions:
        found = stack.deploy(account, account.name("sessions"), "sessions.yaml", sessions_parameters(account, api_id))
        integrations |= {
            "connect": found["ConnectIntegrationId"],
            "disconnect": found["DisconnectIntegrationId"],
            "send_message": found["SendMessageIntegrationId"],
        }
    api.point_routes(account, api_id, {key: integrations[word] for key, word in state.routes.items()})
    api.deploy_api(account, api_id)
    return refused


def _deploy_chat(account: Account, api_id: str, state: State, chat: bytes, template: str) -> str:
    """Make or update the stack chat; why it was not made of this template but of the course's, if that was refused."""
    name, refused = account.name("chat"), ""
    given = {
        "Prefix": account.prefix,
        "ApiId": api_id,
        "CodeBucket": account.bucket,
        "CodeKey": packages.upload(account, chat),
    }
    for body in (template, course_template(state)):
        try:
            known = stack.parameter_names(account, body)
            stack.deploy_body(
                account,
                name,
                boundary.in_template(body),
                {key: value for key, value in given.items() if key in known},
                TEMPLATE,
            )
        except stack.StackFailed as error:
            if body == course_template(state):
                raise
            refused = str(error)
        else:
            break
    return refused


def _remove_unfinished(account: Account, state: State) -> tuple[str, ...]:
    """Delete what a lesson makes and deletes itself, where it was not finished; in words."""
    unfinished = [short for short in _SCRATCH_STACKS if stack.stack_status(account, account.name(short))]
    if unfinished:
        _lead_to_mock(account)
    for short in unfinished:
        stack.remove(account, account.name(short))
    removed = [f"the stack {short}" for short in unfinished]
    api_id = api.find_api(account)
    if state.chat and api_id and not _grown(account) and _HELLO in api.targets(account, api_id):
        api.point_routes(account, api_id, {}, remove={_HELLO})  # made by hand, in the way of the template's
        removed.append(f"the route {_HELLO}")
    return tuple(removed)


def _remove_what_is_beyond(account: Account, state: State) -> None:
    """Delete what of the course is in the account although ``state`` does not have it."""
    for second in api.find_apis(account)[1:]:
        api.remove_api(account, second)  # API Gateway allows several APIs of one name
    if not beyond(account, state):
        return
    _lead_to_mock(account)
    api_id = api.find_api(account)
    if not state.sessions:
        stack.remove(account, account.name("sessions"))
    if not state.chat:
        stack.remove(account, account.name("chat"))
    if not state.handlers:
        stack.remove(account, account.name("handlers"))
    if api_id and state.routes:
        api.point_routes(account, api_id, {}, remove=_not_of(state, _grown(account)))
    elif api_id:
        api.remove_api(account, api_id)
    if not state.tables:
        tables.remove_tables(account)


def _lead_to_mock(account: Account) -> None:
    """Point every route that leads elsewhere at MOCK: an integration that is a route's target cannot be deleted.

    Save the one that the stack chat owns, which deletes the route first.
    """
    api_id = api.find_api(account)
    if api_id:
        mock, own = api.ensure_mock(account, api_id), {_HELLO} if _grown(account) else set()
        elsewhere = [key for key, target in api.targets(account, api_id).items() if target != "MOCK" and key not in own]
        api.point_routes(account, api_id, dict.fromkeys(elsewhere, mock))


def _run(account: Account, chat: bytes) -> None:
    """Let the chat function run this package: cells may have given it another one without the stack's knowledge."""
    functions, name = account.client("lambda"), account.name("chat_handler")
    if functions.get_function_configuration(FunctionName=name)["CodeSha256"] != packages.code_hash(chat):
        functions.update_function_code(FunctionName=name, ZipFile=chat)
        functions.get_waiter("function_updated_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )


def _grown(account: Account) -> str:
    """How far the stack chat has grown: a word of ``GROWN``."""
    name, function = account.name("chat"), account.name("chat_handler")
    if stack.stack_status(account, name) in (None, "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"):
        return ""
    if "ChatIntegrationId" not in stack.outputs(account, name):
        return "greets"
    known = account.client("lambda").get_function_configuration(FunctionName=function).get("Environment", {})
    return "broadcasts" if "CONNECTIONS_TABLE" in known.get("Variables", {}) else "stores"


def _steps_between(before: str, after: str) -> list[str]:
    """The steps by which the learner's template grows from one to the other; none if it is the same, or goes back."""
    steps = list(GROWN)
    return steps[steps.index(before) + 1 : steps.index(after) + 1]


def _not_of(state: State, grown: str) -> set[str]:
    """The keys of the routes that lessons make and this state does not have; the stack chat's own route is not asked for."""
    return _COURSE_ROUTES - state.routes.keys() - ({_HELLO} if grown else set())
