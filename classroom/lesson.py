"""``lesson = start(5)``: the one object that a lesson's cells need besides boto3.

``start`` enters the target and brings the account to the state at which the
lesson begins. The ``Lesson`` then holds names, tags, addresses and chat panels.
It makes no AWS call for a cell: those are the cells' own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from html import escape
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from IPython import get_ipython

from classroom import page
from classroom.account import api, boundary, packages, stack, steps, target
from classroom.account.account import STAGE_NAME, Account
from classroom.account.guard import has_ended
from classroom.errors import OneSentence
from classroom.exercises import registry, solutions
from classroom.exercises.cells import CellWatch
from classroom.exercises.exercise import Answer, judge
from classroom.exercises.predictions import Prediction
from classroom.exercises.progress import Record
from classroom.exercises.report import Report
from classroom.my_chat import writing
from classroom.my_chat.chat import PAGE, TEMPLATE, MyChat, Version
from classroom.panel.chat_panel import Panel, SideBySide
from classroom.panel.room_panel import RoomPanel
from classroom.reading import account_map, terminal
from classroom.reading.plot import Plot, plot
from classroom.reading.show import Source, find_source


class NoSuchLesson(OneSentence, ValueError):
    """The course has no lesson of that number."""


class NoApiYet(OneSentence, LookupError):
    """The lesson's API does not exist."""


class Lesson:
    """One running lesson. Made by ``start``."""

    def __init__(self, number: int, account: Account, begun: steps.Begun, begun_with: Sequence[Version] = ()):
        self.number = number
        self.account = account
        self.api_id = begun.api_id
        self.stage = STAGE_NAME
        self.waiting = {"Delay": 2, "MaxAttempts": 150}
        """The ``WaiterConfig`` of the lessons' waiters: a look every 2 seconds, for 5 minutes."""
        self.my_chat = MyChat(account, number)
        """The files that you write, in ``my_chat/``: which version is in use, deployment, trials."""
        self._begun, self._begun_with = begun, begun_with
        self._panels: dict[str, Panel] = {}
        self._sent: list[tuple[float, str]] = []

    @property
    def prefix(self) -> str:
        """What the name of everything you make begins with."""
        return self.account.prefix

    @property
    def region(self) -> str:
        return self.account.target.region

    @property
    def bucket(self) -> str:
        """The bucket of your deployment packages."""
        return self.account.bucket

    @property
    def tags(self) -> dict[str, str]:
        """The tags for what takes a dict of tags (API Gateway)."""
        return self.account.tags

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """The tags for what takes a list of tags (DynamoDB, CloudFormation)."""
        return self.account.tag_list

    @property
    def url(self) -> str:
        """The WebSocket address of the lesson's API and its stage prod."""
        return self.url_of(self._known_api())

    def url_of(self, api_id: str, stage_name: str = STAGE_NAME) -> str:
        """The WebSocket address of an API's stage."""
        return api.websocket_url(self.account, api_id, stage_name)

    def name(self, short: str) -> str:
        """The full name of a resource: ``lesson.name("ChatMessages")`` is ``lab-ChatMessages``."""
        return self.account.name(short)

    def panel(
        self, name: str, url: str = "", *, room: str = "", write: Callable[[dict], dict | None] | None = None
    ) -> Panel:
        """A chat panel for one person, connected to ``url`` (the lesson's API unless given).

        A panel that the person had before is disconnected first. ``room`` makes the panel of a chat with rooms,
        which joins that one. ``write`` makes a panel without an API: each outgoing frame goes to that function.
        """
        before = self._panels.pop(name, None)
        if before is not None:
            before.disconnect()
        address = url or ("" if write else self.url)
        api.wait_until_served(self.account, address)
        self._panels[name] = (
            RoomPanel(name, address, room, sent=self._sent)
            if room
            else Panel(name, address, write=write, sent=self._sent)
        )
        return self._panels[name]

    def panels(self, *names: str, url: str = "") -> list[Panel]:
        """One panel for each name."""
        return [self.panel(name, url) for name in names]

    def point_routes(self, integration_id: str, *route_keys: str) -> None:
        """Point routes of the lesson's API at an integration, deploy the API, and wait until clients meet it."""
        api_id = self._known_api()
        api.redirect_routes(self.account, api_id, integration_id, route_keys)
        api.deploy_api(self.account, api_id)

    def wait_until_served(self) -> None:
        """Wait until connections meet the stage's newest deployment: API Gateway serves it a moment after it says so.

        New panels wait by themselves; call it before a panel that is connected sends again.
        """
        api.wait_until_served(self.account, self.url)

    def terminal(self, url: str = "") -> terminal.TerminalCommands:
        """What to type in a terminal to talk to ``url``, the lesson's API unless given: the last expression of a cell."""
        localstage_url = "" if self.account.target.name == "live" else os.environ["LOCALSTAGE_URL"]
        lines = terminal.commands(url or self.url, localstage_url=localstage_url, alone=self.account.target.alone)
        return terminal.TerminalCommands(lines)

    def page_url(self, name: str = "") -> str:
        """Where a browser opens the chat page for the lesson's API, filled in for a person of this name."""
        return page.page_address(os.environ, self._known_api(), self.stage, self.url, name)

    def page_links_of(self, api_id: str, *names: str) -> page.PageLinks:
        """The same links for the stage prod of another API, such as a chat that a stack has made."""
        url = self.url_of(api_id)
        return page.PageLinks({name: page.page_address(os.environ, api_id, STAGE_NAME, url, name) for name in names})

    def page_links(self, *names: str) -> page.PageLinks:
        """The same as links, one for each person: make it the last expression of a cell."""
        return page.PageLinks({name: self.page_url(name) for name in names})

    def own_page_links(self, *names: str) -> page.PageLinks:
        """Links to ``my_chat/page.html``, your own page, one for each person: make it the last expression of a cell."""
        folder = self.my_chat.folder
        missing = (
            "" if folder.text(PAGE) else f"my_chat/{PAGE} is not written yet: write it above, then run this cell again."
        )
        api_id = self._known_api()
        addresses = {
            name: page.own_page_address(os.environ, folder.path, api_id, self.stage, self.url, name) for name in names
        }
        return page.PageLinks(addresses, "your page", missing)

    def to_copy(self, what: str, text: str) -> page.ToCopy:
        """A text to be copied out of a cell, which the saved notebook does not keep: make it the last expression."""
        return page.ToCopy(what, text)

    def disconnect_all(self) -> None:
        """Disconnect every panel of the lesson."""
        for panel in self._panels.values():
            panel.disconnect()

    def catch_up(self) -> None:
        """Wait until every panel shows what has been sent to it so far."""
        for panel in self._panels.values():
            panel.catch_up()

    def end(self) -> None:
        """Disconnect every panel, and say what stays and where to tell what was unclear. Each lesson's last cell."""
        self.disconnect_all()
        print(
            "Every panel is disconnected.",
            "Your files stay in my_chat/.",
            "What you built stays until lesson 99 deletes it, or your localstage ends.",
            "The next lesson makes again what it needs.",
            "Was anything unclear, or wrong? CONTRIBUTING.md says where to tell us.",
            sep="\n",
        )

    def check(self, number: str) -> None:
        """Check an exercise such as ``"4.1"``: prints ``ok`` lines, or what is not right yet and where to look."""
        names = sys._getframe(1).f_globals
        answer = Answer(registry.exercise_of(str(number)), names, self.my_chat.folder, self)
        judge(answer, self._record, _watch)

    def solution(self, number: str) -> solutions.Solution:
        """One way to do an exercise, with its reasons."""
        return solutions.solution(str(number))

    def predict(self, number: str, question: str, *choices: str) -> Prediction:
        """A question to be answered before the next cell shows the answer; your choice is kept with your progress."""
        return Prediction(number, question, choices, self._record)

    def progress(self) -> Report:
        """What you have done so far, in every lesson."""
        return Report.of(self._record.read())

    def show(self, file: str, part: str = "") -> Source:
        """A file, or one part of it by name: ``lesson.show("handlers/delivery.py", "broadcast")``."""
        return find_source(file, part, own=self.my_chat.folder.path)

    def map(self, beside: str = "") -> account_map.AccountMap:
        """What exists in the account now, drawn: routes, functions, tables with their rows, and stacks.

        ``beside`` is one of the whole chats that lesson 8 makes beside yours, such as "dev".
        """
        inner = replace(self.account.target, prefix=self.name(beside))
        return account_map.look(Account(inner) if beside else self.account)

    def plot(self, title: str, x: str, y: str, xs: Sequence[float], **curves: Callable[[float], float]) -> Plot:
        """Draw one or two functions of a number; ``x`` and ``y`` say what the axes count. Raises ``NothingToPlot``."""
        return plot(title, x, y, xs, {name.replace("_", " "): curve for name, curve in curves.items()})

    @property
    def _record(self) -> Record:
        return Record(self.my_chat.folder, self.prefix)

    def upload_handlers(self, *exercises: str) -> tuple[str, str]:
        """Upload a package for each of the course's functions; the bucket, and what the packages' keys begin with.

        The files that the ``exercises`` ask for are yours where you have written them.
        """
        own: dict[str, str] = {}
        for version in map(self.my_chat.version, exercises):
            print(f"In use: {version}.")
            own |= version.files if version.yours else {}
        return self.account.bucket, packages.upload_functions(self.account, own)

    def upload_handler(self, handler: str) -> str:
        """Upload the package of one of the course's functions, such as ``"default"``; its key in the bucket."""
        return packages.upload(self.account, packages.package_of(packages.sources_of(handler)))

    def template(self, name: str) -> str:
        """The text of a template in ``cloudformation/``."""
        return stack.template_body(name)

    @property
    def role_boundary(self) -> dict[str, str]:
        """The argument of ``create_role`` that an instructor's account demands; empty in all others."""
        return boundary.of_role()

    def bounded(self, template: str) -> str:
        """A template of your own as this account wants it: each role with the boundary of ``CHAT_BOUNDARY``, if there is one."""
        return boundary.in_template(template)

    def deploy(self, stack_name: str, template: str, **parameters: str) -> dict[str, str]:
        """Create or update a stack and wait for it; its outputs. Raises ``StackFailed`` in one sentence."""
        return stack.deploy(self.account, stack_name, template, parameters)

    def outputs(self, stack_name: str) -> dict[str, str]:
        """The outputs of a stack by key."""
        return stack.outputs(self.account, stack_name)

    def __repr__(self) -> str:
        return " ".join(self._said())

    def _repr_html_(self) -> str:
        """The same, a line for each sentence; with it, what cells print breaks between words in JupyterLab."""
        lines = "".join(f"<div>{escape(sentence)}</div>" for sentence in self._said())
        return f"<style>.jp-OutputArea-output pre {{ word-break: normal; overflow-wrap: anywhere; }}</style>{lines}"

    def _said(self) -> list[str]:
        begun, there = self._begun, _WHAT_IS_THERE[self.number]
        said = [f"Lesson {self.number} begins: {there}."]
        if begun.kept:
            said.append(f"Kept from before: {_listed(begun.kept)}.")
            said.append(f"start({self.number}, fresh=True) asks, deletes that, and begins as if for the first time.")
        if begun.removed:
            said.append(f"Deleted, because it was left half done: {_listed(begun.removed)}.")
        for version in self._begun_with:
            if version.name == TEMPLATE and begun.refused:
                said.append(f"Your {TEMPLATE} was not used, and the course's was: {begun.refused}")
            elif version.name == TEMPLATE:
                said.append(f"The stack chat is made from {version}.")
            else:
                said.append(f"The chat function runs {version}.")
        return said

    def _explain(self, error: BaseException) -> None:
        """After a cell that failed: say what the lesson needs and is gone, if that may be the reason."""
        if self.account.target.name == "moto" and has_ended(os.environ.get("LOCALSTAGE_URL", "")):
            print(
                "localstage has ended, and what your account held is gone; your files in my_chat/ stay. Run the set-up "
                "cell, the first code cell of this notebook: it starts another one, and this lesson from its beginning."
            )
            return
        gone: tuple[str, ...] = ()
        if isinstance(error, _MAY_MEET_A_LOSS):
            with suppress(*_MAY_MEET_A_LOSS):  # nobody answers here, either
                gone = steps.missing(self.account, self.number)
        if gone:
            print(
                f"This lesson needs {_listed(gone)}, which {'is' if len(gone) == 1 else 'are'} gone. Run the set-up "
                "cell, the first code cell of this notebook: it makes again what is missing."
            )

    def _known_api(self) -> str:
        self.api_id = self.api_id or api.find_api(self.account)
        if not self.api_id:
            raise NoApiYet(f"There is no API {self.name('chat-api')} yet: lesson 2 makes it.")
        return self.api_id


_WHAT_IS_THERE = {
    0: "nothing is needed",
    1: "it needs nothing",
    2: "the tables are in place",
    3: "the tables and the API are in place",
    4: "the tables, the API, the default function and your greeter are in place",
    5: "the tables, the API and the storing chat function are in place",
    6: "the tables, the API and the broadcasting chat function are in place",
    7: "the tables, the API with a heartbeat route, and the broadcasting chat function are in place",
    8: "the chat is in place with sessions; this lesson makes two more beside it",
    9: "it needs nothing; it makes a chat with rooms beside yours",
    10: "it needs nothing; it makes a chat to be measured, beside yours",
    99: "nothing is changed yet",
}


def start(number: int, *, fresh: bool = False) -> Lesson:
    """Enter the target, bring the account to where lesson ``number`` begins, and return the lesson.

    Idempotent; any lesson may be started first, again, and in any order. What this lesson or a later one has made
    stays and is named, rows included. With ``fresh`` it names what it would delete, and deletes it after a yes;
    ``CHAT_FRESH=1`` begins all lessons afresh and agrees beforehand. Asks once on a real account. Raises
    ``TargetError`` and ``ValueError`` in one sentence.
    """
    if number not in steps.CREATES:
        known = ", ".join(str(lesson) for lesson in sorted(steps.CREATES))
        raise NoSuchLesson(f"There is no lesson {number!r}; there are: {known}.")
    entered = target.enter()
    agreed = os.environ.get("CHAT_FRESH") == "1"
    fresh = fresh or agreed
    target.ask_for_consent(entered, steps.consent(number, fresh), os.environ)
    if number == 0:
        entered = replace(entered, prefix=f"{entered.prefix}-start")
    account = Account(entered)
    _listen_to_cells()
    doomed = steps.doomed(account, number) if fresh and not agreed else ()
    keep = not fresh or bool(doomed and not target.may_delete(f"start({number}, fresh=True)", _listed(doomed)))
    chat = MyChat(account, number)
    handler, template = chat.begin_with(number), chat.template_to_begin_with(number)
    begun = steps.set_up(
        account,
        number,
        chat.package(handler) if handler else None,
        template.files[template.name] if template else None,
        keep=keep,
    )
    begun_with = [version for version in (template, handler) if version and number in steps.STATES]
    lesson = Lesson(number, account, begun, begun_with)
    _watch.explain = lesson._explain
    return lesson


def _listed(things: Sequence[str]) -> str:
    """Things in words: "a, b and c"."""
    return " and ".join([", ".join(things[:-1]), things[-1]] if things[1:] else things)


_MAY_MEET_A_LOSS = (BotoCoreError, ClientError, OneSentence)
_watch = CellWatch()


def _listen_to_cells() -> None:
    """In a notebook, make ``%%write`` and ``%%mend`` known, and notice cells that fail. Harmless when done before."""
    shell: Any = get_ipython()
    if shell is None or "write" in shell.magics_manager.magics["cell"]:
        return
    shell.register_magic_function(writing.write, "cell", "write")
    shell.register_magic_function(writing.mend, "cell", "mend")
    shell.events.register("post_run_cell", _watch.after_cell)


def side_by_side(*panels: Panel) -> SideBySide:
    """Show panels next to each other: make it the last expression of a cell."""
    return SideBySide(*panels)
