"""What each lesson leaves behind, and how to bring an account to the state at which a lesson begins.

One entry of ``STATES`` per lesson says what exists when it starts; ``set_up``
makes it so from any other state, forwards and backwards, and is idempotent.
The steps are the ones that the lessons' cells show; tests compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from classroom.account import api, packages, stack, tables
from classroom.account.account import STAGE_NAME, Account


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
COST = "A few hundred messages stay far below one US cent; lesson 99 deletes everything."


def set_up(account: Account, lesson: int, chat: bytes | None = None) -> str | None:
    """Bring the account to the state at which a lesson begins; returns the API's id, None when there is none.

    ``chat`` is the package of the chat function, the course's own unless given.
    Rows of the tables are deleted too, so that a lesson's cells find what they
    found the first time. Lessons 0 and 99 begin with whatever there is.
    """
    if lesson not in STATES:
        return api.find_api(account)
    state = STATES[lesson]
    if state.tables:
        tables.ensure_tables(account)
        tables.empty_tables(account)
    for second in api.find_apis(account)[1:]:
        api.remove_api(account, second)  # API Gateway allows several APIs of one name
    api_id = api.ensure_api(account) if state.routes else api.find_api(account)
    if api_id:
        _build_api(account, api_id, state, chat or course_chat())
    else:
        _remove_stacks(account)
    if api_id and not state.routes:
        api.remove_api(account, api_id)
        api_id = None
    if not state.tables:
        tables.remove_tables(account)
    return api_id


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
    """The parameters of the sessions stack, join and leave notices included; uploads the deployment package."""
    given = handlers_parameters(account, api_id, ("MessagesTable", "ConnectionsTable"))
    del given["ChatCodeKey"]
    _, key = stack.upload_handlers(account)
    return {**given, "CodeKey": key, "SessionsTable": account.name("ChatSessions"), "JoinAndLeaveNotices": "true"}


def _build_api(account: Account, api_id: str, state: State, chat: bytes) -> None:
    integrations = {"mock": api.ensure_mock(account, api_id)}
    if _shrinks(account, state):
        # What goes away must not be a route's target any more.
        api.point_routes(account, api_id, dict.fromkeys(state.routes, integrations["mock"]))
    for short in _doomed_stacks(state):
        stack.remove(account, account.name(short))
    if state.handlers is None:
        _remove_stacks(account)
    else:
        found = stack.deploy(
            account,
            account.name("handlers"),
            "handlers.yaml",
            handlers_parameters(account, api_id, state.handlers, chat),
        )
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
    if state.routes:
        api.deploy_api(account, api_id)


def _run(account: Account, chat: bytes) -> None:
    """Let the chat function run this package: cells may have given it another one without the stack's knowledge."""
    functions, name = account.client("lambda"), account.name("chat_handler")
    if functions.get_function_configuration(FunctionName=name)["CodeSha256"] != packages.code_hash(chat):
        functions.update_function_code(FunctionName=name, ZipFile=chat)
        functions.get_waiter("function_updated_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )


def _shrinks(account: Account, state: State) -> bool:
    """Whether integrations that exist now will be gone in ``state``."""
    was = _handlers_tables(account)
    if was is None or state.handlers is None:
        return True
    return bool(set(was) - set(state.handlers)) or any(
        stack.stack_status(account, account.name(short)) for short in _doomed_stacks(state)
    )


def _doomed_stacks(state: State) -> tuple[str, ...]:
    return _SCRATCH_STACKS if state.sessions else (*_SCRATCH_STACKS, "sessions")


def _handlers_tables(account: Account) -> tuple[str, ...] | None:
    name = account.name("handlers")
    if not stack.stack_status(account, name):
        return None
    given = stack.parameters(account, name)
    return tuple(key for key in ("MessagesTable", "ConnectionsTable") if given.get(key))


def _remove_stacks(account: Account) -> None:
    for short in (*_SCRATCH_STACKS, "sessions", "handlers"):
        stack.remove(account, account.name(short))
