"""What each lesson leaves behind, and how to bring an account to the state at which a lesson begins.

One entry of ``STATES`` per lesson says what exists when it starts; ``set_up``
makes it so from any other state, forwards and backwards, and is idempotent.
The steps are the ones that the lessons' cells show; tests compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from classroom.account import api, packages, stack, tables
from classroom.account.account import STAGE_NAME, TABLES, Account


@dataclass(frozen=True)
class State:
    """What exists. ``routes`` names each route's target: mock, or a function of a stack (default and chat; connect,
    disconnect and send_message of ``sessions``); ``handlers`` the tables given to the handlers stack, None when
    there is no such stack; ``sessions`` whether there is the sessions stack."""

    tables: bool = False
    routes: dict[str, str] = field(default_factory=dict)
    handlers: tuple[str, ...] | None = None
    sessions: bool = False


_MOCK = dict.fromkeys(api.ROUTE_KEYS, "mock")
_CHAT = {**dict.fromkeys(api.ROUTE_KEYS, "chat"), "$default": "default"}
_SESSIONS = {"$connect": "connect", "$disconnect": "disconnect", "sendMessage": "send_message"}
_SCRATCH_STACKS = ("greeter", "own-chat", "authorizer")
"""What lessons make and delete themselves, and what is left of one that was not finished."""
STATES = {
    1: State(),
    2: State(tables=True),
    3: State(tables=True, routes=_MOCK),
    4: State(tables=True, routes={**_MOCK, "$default": "default"}, handlers=()),
    5: State(tables=True, routes=_CHAT, handlers=("MessagesTable",)),
    6: State(tables=True, routes=_CHAT, handlers=("MessagesTable", "ConnectionsTable")),
    7: State(tables=True, routes={**_CHAT, "ping": "default"}, handlers=("MessagesTable", "ConnectionsTable")),
}
STATES[8] = replace(STATES[7], routes={**STATES[7].routes, **_SESSIONS}, sessions=True)
CREATES = {
    0: "Lesson 0 makes one stack: three tables, a WebSocket API, four functions and their roles. Lesson 0b makes nothing.",
    1: "This lesson makes three DynamoDB tables.",
    2: "This lesson makes three tables and a WebSocket API.",
    3: "This lesson makes three tables, a WebSocket API, a bucket, a function with its role by hand, and two stacks "
    "with a function and its role each.",
    4: "This lesson makes three tables, a WebSocket API, a bucket, and a stack with two functions and their roles.",
    5: "This lesson makes three tables, a WebSocket API, a bucket, and a stack with two functions and their roles.",
    6: "This lesson makes three tables, a WebSocket API, a bucket, and a stack with two functions and their roles.",
    7: "Lessons 7 to 7c make three tables, a WebSocket API, a bucket, three stacks with six functions and their roles, "
    "a practice function with its role, and a second API for a few minutes.",
    8: "Lesson 8 makes two stacks, each the whole chat: three tables, a WebSocket API, four functions and their roles; "
    "one of them has an alarm, too. Lesson 8b makes such a stack with SAM, and for a minute five more.",
    99: "This lesson deletes everything of the course whose name begins with your prefix.",
}
_COURSE_ROUTES = {"hello", *(key for state in STATES.values() for key in state.routes)}
"""The keys of the routes that lessons make; all others are a learner's own."""
_GIVES = {"MessagesTable": "the chat function", "ConnectionsTable": "its table of connections"}
"""What each table that is given to the handlers stack makes of it."""
DELETES = "Its first cell deletes the rows of these tables."
FRESH = "It begins as if for the first time, so it also deletes what later lessons have made under your prefix."
COST = "A few hundred messages stay far below one US cent; lesson 99 deletes everything."


def consent(lesson: int, fresh: bool) -> str:
    """What a lesson makes, deletes and costs, for the question that comes before the first change."""
    deletes = [DELETES] * (lesson in STATES and STATES[lesson].tables) + [FRESH] * (lesson in STATES and fresh)
    return " ".join([CREATES[lesson], *deletes, COST])


@dataclass(frozen=True)
class Begun:
    """What ``set_up`` found and did: the API's id, None when there is none; in words what it left standing although
    the lesson begins without it, and which half-done stacks it deleted; how many rows it deleted."""

    api_id: str | None
    kept: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    rows: int = 0


def set_up(account: Account, lesson: int, chat: bytes | None = None, *, keep: bool = False) -> Begun:
    """Bring the account to the state at which a lesson begins.

    ``chat`` is the package of the chat function, the course's own unless given. With ``keep`` nothing is deleted that
    this lesson or a later one has made: what the lesson needs is added, and its routes lead where they should. Rows
    are deleted, so that a lesson's cells find what they found the first time, unless something of a later lesson is
    kept. A route whose key the course does not know is the learner's own, and stays. Lessons 0 and 99 begin with
    whatever there is.
    """
    if lesson not in STATES:
        return Begun(api.find_api(account))
    state, chat = STATES[lesson], chat or course_chat()
    kept = beyond(account, state) if keep else ()
    removed = _remove_unfinished(account)
    if not keep:
        _remove_what_is_beyond(account, state)
    rows = 0
    if state.tables:
        tables.ensure_tables(account)
        if not kept or not beyond(account, STATES.get(lesson + 1, state)):
            rows = tables.empty_tables(account)
    api_id = api.ensure_api(account) if state.routes else api.find_api(account)
    if api_id and state.routes:
        _build_api(account, api_id, state, chat, keep)
    return Begun(api_id, kept, removed, rows)


def beyond(account: Account, state: State) -> tuple[str, ...]:
    """What there is of the course in the account although ``state`` does not have it, in words."""
    api_ids, given = api.find_apis(account), _handlers_tables(account)
    routes = api.targets(account, api_ids[0]).keys() if api_ids else set()
    existing = set() if state.tables else tables.existing_tables(account)
    found = [f"the table {short}" for short in TABLES if account.name(short) in existing]
    if not state.routes:
        found += ["the API chat-api"] * bool(api_ids)
    else:
        found += ["a second API of the name chat-api"] * (len(api_ids) > 1)
        found += [f"the route {key}" for key in sorted(routes & _COURSE_ROUTES - state.routes.keys())]
    if given is not None and state.handlers is None:
        found.append("the stack handlers")
    elif given:
        found += [f"{_GIVES[key]} in the stack handlers" for key in given if key not in (state.handlers or ())]
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
    needed = [("handlers", state.handlers is not None), ("sessions", state.sessions)]
    found += [
        f"the stack {short}"
        for short, is_needed in needed
        if is_needed and not stack.stack_status(account, account.name(short))
    ]
    return tuple(found)


def course_chat() -> bytes:
    """The package of the course's own chat function."""
    return packages.package_of(packages.sources_of("chat_handler"))


def handlers_parameters(
    account: Account, api_id: str, with_tables: tuple[str, ...], chat: bytes | None = None
) -> dict[str, str]:
    """The parameters of the handlers stack; uploads the packages of its functions."""
    default = packages.upload(account, packages.package_of(packages.sources_of("default")))
    chat_key = packages.upload(account, chat or course_chat()) if with_tables else ""
    names = {"MessagesTable": account.name("ChatMessages"), "ConnectionsTable": account.name("ChatConnections")}
    return {
        "Prefix": account.prefix,
        "ApiId": api_id,
        "StageName": STAGE_NAME,
        "CodeBucket": account.bucket,
        "CodeKey": default,
        "ChatCodeKey": chat_key,
        "LogRetentionDays": "3",
        **{name: full if name in with_tables else "" for name, full in names.items()},
    }


def sessions_parameters(account: Account, api_id: str) -> dict[str, str]:
    """The parameters of the sessions stack, join and leave notices included; uploads the deployment packages."""
    given = handlers_parameters(account, api_id, ("MessagesTable", "ConnectionsTable"))
    del given["ChatCodeKey"]
    key = packages.upload_functions(account)
    return {**given, "CodeKey": key, "SessionsTable": account.name("ChatSessions"), "JoinAndLeaveNotices": "true"}


def _build_api(account: Account, api_id: str, state: State, chat: bytes, keep: bool) -> None:
    """Make the stacks of ``state`` and point its routes at them; with ``keep`` the handlers lose no table."""
    integrations = {"mock": api.ensure_mock(account, api_id)}
    if state.handlers is not None:
        name, given = account.name("handlers"), (_handlers_tables(account) or ()) if keep else ()
        parameters = handlers_parameters(
            account, api_id, tuple(key for key in _GIVES if key in {*given, *state.handlers}), chat
        )
        if given and not state.handlers:  # a chat function of which this lesson does not know: its code stays
            parameters["ChatCodeKey"] = stack.parameters(account, name)["ChatCodeKey"]
        found = stack.deploy(account, name, "handlers.yaml", parameters)
        if "MessagesTable" in state.handlers:
            _run(account, chat)
        integrations |= {"default": found["DefaultIntegrationId"], "chat": found.get("ChatIntegrationId", "")}
    if state.sessions:
        found = stack.deploy(account, account.name("sessions"), "sessions.yaml", sessions_parameters(account, api_id))
        integrations |= {
            "connect": found["ConnectIntegrationId"],
            "disconnect": found["DisconnectIntegrationId"],
            "send_message": found["SendMessageIntegrationId"],
        }
    api.point_routes(account, api_id, {key: integrations[word] for key, word in state.routes.items()})
    api.deploy_api(account, api_id)


def _remove_unfinished(account: Account) -> tuple[str, ...]:
    """Delete the stacks that a lesson makes and deletes itself, where it was not finished; in words."""
    doomed = [short for short in _SCRATCH_STACKS if stack.stack_status(account, account.name(short))]
    if doomed:
        _lead_to_mock(account)
    for short in doomed:
        stack.remove(account, account.name(short))
    return tuple(f"the stack {short}" for short in doomed)


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
    if state.handlers is None:
        stack.remove(account, account.name("handlers"))
    if api_id and state.routes:
        api.point_routes(account, api_id, {}, remove=_COURSE_ROUTES - state.routes.keys())
    elif api_id:
        api.remove_api(account, api_id)
    if not state.tables:
        tables.remove_tables(account)


def _lead_to_mock(account: Account) -> None:
    """Point every route that leads elsewhere at MOCK: an integration that is a route's target cannot be deleted."""
    api_id = api.find_api(account)
    if api_id:
        mock = api.ensure_mock(account, api_id)
        elsewhere = [key for key, target in api.targets(account, api_id).items() if target != "MOCK"]
        api.point_routes(account, api_id, dict.fromkeys(elsewhere, mock))


def _run(account: Account, chat: bytes) -> None:
    """Let the chat function run this package: cells may have given it another one without the stack's knowledge."""
    functions, name = account.client("lambda"), account.name("chat_handler")
    if functions.get_function_configuration(FunctionName=name)["CodeSha256"] != packages.code_hash(chat):
        functions.update_function_code(FunctionName=name, ZipFile=chat)
        functions.get_waiter("function_updated_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )


def _handlers_tables(account: Account) -> tuple[str, ...] | None:
    name = account.name("handlers")
    if not stack.stack_status(account, name):
        return None
    given = stack.parameters(account, name)
    return tuple(key for key in _GIVES if given.get(key))
