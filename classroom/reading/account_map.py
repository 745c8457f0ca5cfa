"""``lesson.map()``: what exists in the account now, as a drawing.

``look`` asks AWS; everything below it is pure. The drawing is inline SVG in
the theme's colours, with its text as the description for screen readers; the
same text serves terminals and nbval, so it holds no ids and no times.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from classroom.account import api
from classroom.account.account import STAGE_NAME, Account
from classroom.operations.cleanup import INNER_PREFIXES
from classroom.reading import drawing

_STAGED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
_ROW, _HEAD, _WIDTH, _GAP = 34, 30, 200, 100


@dataclass(frozen=True)
class Function:
    """One function: the stack that owns it, its role's name, and the tables that its variables name."""

    name: str
    stack: str = ""
    role: str = ""
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class AccountMap:
    """What exists, without the prefix. ``routes`` leads each route key to a function's name, MOCK, or "" for nothing."""

    tables: dict[str, int] = field(default_factory=dict)
    api: str = ""
    staged: bool = False
    routes: dict[str, str] = field(default_factory=dict)
    functions: tuple[Function, ...] = ()
    stacks: dict[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        lines = [self._api_line()] if self.api else ["There is no API yet."]
        lines += [f"  route {key} leads to {target or 'nothing'}" for key, target in self.routes.items()]
        for one in self.functions:
            uses = f", uses {' and '.join(one.tables)}" if one.tables else ""
            owner = f", of the stack {one.stack}" if one.stack else ", of no stack"
            lines.append(f"function {one.name}: a role of its own{uses}{owner}" if one.role else f"function {one.name}")
        lines += [f"table {name}: {_rows(count)}" for name, count in self.tables.items()]
        lines += [f"stack {name}: {count} resources" for name, count in self.stacks.items()]
        return "\n".join(lines)

    def _api_line(self) -> str:
        return f"API {self.api}, {f'stage {STAGE_NAME}' if self.staged else 'without a stage yet'}"

    def _repr_html_(self) -> str:
        return drawing.in_a_cell(self.svg())

    def svg(self) -> str:
        """The drawing: routes on the left, what they lead to in the middle, tables on the right."""
        middle = [*(one.name for one in self.functions), *(["MOCK"] if "MOCK" in self.routes.values() else [])]
        columns = [list(self.routes), middle, list(self.tables)]
        heads = [self._api_line() if self.api else "no API yet", "functions", "tables"]
        places = [{name: _place(column, row) for row, name in enumerate(names)} for column, names in enumerate(columns)]
        height = _HEAD + _ROW * max(1, *map(len, columns)) + _ROW * bool(self.stacks) + 14
        width = 3 * _WIDTH + 2 * _GAP + 20
        parts = [
            drawing.text(10 + column * (_WIDTH + _GAP), 18, head, drawing.FAINT) for column, head in enumerate(heads)
        ]
        parts += [
            _edge(places[0][key], places[1][target]) for key, target in self.routes.items() if target in places[1]
        ]
        parts += [
            _edge(places[1][one.name], places[2][table])
            for one in self.functions
            for table in one.tables
            if table in places[2]
        ]
        parts += [_box(*places[0][key], key, "") for key in self.routes]
        notes = {one.name: f"stack {one.stack}" if one.stack else "no stack" for one in self.functions}
        parts += [_box(*places[1][name], name, notes.get(name, "")) for name in middle]
        parts += [_box(*places[2][name], name, _rows(count)) for name, count in self.tables.items()]
        if self.stacks:
            said = ", ".join(f"{name} ({count} resources)" for name, count in self.stacks.items())
            parts.append(drawing.text(10, height - 12, f"stacks: {said}", drawing.FAINT))
        return drawing.svg(width, height, "What exists in the account", repr(self), parts)


def look(account: Account) -> AccountMap:
    """Ask AWS what exists under the learner's prefix now."""
    stacks, owners = _stacks(account)
    api_id = api.find_api(account)
    return AccountMap(
        tables=_tables(account),
        api="chat-api" if api_id else "",
        staged=bool(api_id and api.has_stage(account, api_id)),
        routes=_routes(account, api_id) if api_id else {},
        functions=_functions(account, owners),
        stacks=stacks,
    )


def _tables(account: Account) -> dict[str, int]:
    found = {}
    for name in sorted(account.pages("dynamodb", "list_tables", "TableNames")):
        if _counts(account, name):
            pages = (
                account.client("dynamodb")
                .get_paginator("scan")
                .paginate(TableName=name, Select="COUNT", ConsistentRead=True)
            )
            found[_short(account, name)] = sum(page["Count"] for page in pages)
    return found


def _routes(account: Account, api_id: str) -> dict[str, str]:
    targets = api.targets(account, api_id)
    return {key: _short(account, targets[key]) for key in sorted(targets, key=_route_order)}


def _functions(account: Account, owners: dict[str, str]) -> tuple[Function, ...]:
    found = []
    for one in account.pages("lambda", "list_functions", "Functions"):
        name = one["FunctionName"]
        if not _counts(account, name):
            continue
        values = one.get("Environment", {}).get("Variables", {}).values()
        tables = sorted({_short(account, value) for value in values if value.startswith(f"{account.prefix}-")})
        role = one["Role"].rpartition("/")[2]
        found.append(Function(_short(account, name), owners.get(name, ""), role, tuple(tables)))
    return tuple(sorted(found, key=lambda function: function.name))


def _stacks(account: Account) -> tuple[dict[str, int], dict[str, str]]:
    """The stacks with how many resources each has, and for each physical name the stack that owns it."""
    stacks: dict[str, int] = {}
    owners: dict[str, str] = {}
    for stack in account.pages("cloudformation", "describe_stacks", "Stacks"):
        name = stack["StackName"]
        if _counts(account, name) and stack["StackStatus"] in _STAGED:
            short = _short(account, name)
            resources = account.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
            stacks[short] = len(resources)
            owners |= {one.get("PhysicalResourceId", ""): short for one in resources}
    return dict(sorted(stacks.items())), owners


def _counts(account: Account, name: str) -> bool:
    """Whether a name is the learner's, and not of one of the whole chats that lessons 0 and 8 make beside theirs."""
    short = _short(account, name)
    return short != name and short.partition("-")[0] not in INNER_PREFIXES


def _short(account: Account, name: str) -> str:
    return name.removeprefix(f"{account.prefix}-")


def _route_order(key: str) -> tuple[bool, str]:
    return not key.startswith("$"), key


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"


def _place(column: int, row: int) -> tuple[int, int]:
    """The upper left corner of a box."""
    return 10 + column * (_WIDTH + _GAP), _HEAD + row * _ROW


def _box(x: int, y: int, name: str, note: str) -> str:
    said = [drawing.text(x + 10, y + 18, name, drawing.INK)]
    if note:
        said.append(drawing.text(x + _WIDTH - 10, y + 18, note, drawing.FAINT, "end"))
    style = f"fill:{drawing.BOX};stroke:{drawing.RULE}"
    return f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_ROW - 8}" rx="6" style="{style}"/>{"".join(said)}'


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1, x2, y2 = start[0] + _WIDTH, start[1] + 13, end[0], end[1] + 13
    bend = (x1 + x2) // 2
    path = f"M{x1} {y1} C{bend} {y1} {bend} {y2} {x2 - 6} {y2}"
    head = f"M{x2 - 7} {y2 - 4} L{x2} {y2} L{x2 - 7} {y2 + 4}"
    return f'<path d="{path} {head}" style="fill:none;stroke:{drawing.LINE};stroke-width:1.5;opacity:.75"/>'
