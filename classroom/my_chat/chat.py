"""``lesson.my_chat``: which version of the learner's files is in use, its deployment, and trials of it.

A lesson goes on with what the learner wrote. Where nothing is written yet, or
only what an earlier lesson asked for, the course's answer to the exercise takes
its place, and each call says which of both it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from classroom.account import boundary, packages, stack
from classroom.account.account import Account
from classroom.account.deployment_name import stamped
from classroom.errors import OneSentence
from classroom.exercises import registry, solutions
from classroom.my_chat.folder import Folder, fault_of, given
from classroom.my_chat.page_trial import PageTrial
from classroom.my_chat.pretended_aws import PREFIX
from classroom.my_chat.trial import Trial

HANDLER = "chat_handler.py"
TEMPLATE = "template.yaml"
PAGE = "page.html"
TRIAL_SECRET = "a secret that only the trial and its judge know"
_TRIAL_VARIABLES = {
    "MESSAGES_TABLE": f"{PREFIX}ChatMessages",
    "CONNECTIONS_TABLE": f"{PREFIX}ChatConnections",
    "SESSIONS_TABLE": f"{PREFIX}ChatSessions",
    "TOKEN_SECRET": TRIAL_SECRET,
}
_GROWN_UP = 5
"""After this lesson the course's version is ``handlers/``, which the lesson ends with."""
_UNCHECKED = (
    " Exercise {exercise} has not found it right yet; "
    'lesson.my_chat.use_course_version("{exercise}") puts the course\'s answer in its place.'
)
_WAIT = {"Delay": 1, "MaxAttempts": 120}


class NoSuchFunction(OneSentence, LookupError):
    """A file does not define the function that is asked for."""


class NotDeployed(OneSentence):
    """A learner's file was not deployed; the sentence says why, and what to do."""


@dataclass(frozen=True)
class Version:
    """A file as it is in use: ``yours`` or the course's, in words why, and the ``files`` of its package by name."""

    name: str
    files: Mapping[str, str]
    yours: bool
    because: str

    @property
    def function(self) -> str:
        """The function whose code the file is."""
        return _function_of(self.name)

    @property
    def text(self) -> str:
        """The program itself, which its package may hold under its function's name."""
        return self.files[f"{self.function}.py"]

    def __str__(self) -> str:
        return f"your {self.name}{self.because}" if self.yours else f"the course's {self.name}, {self.because}"


class MyChat:
    """The learner's folder in one lesson."""

    def __init__(self, account: Account, lesson: int, folder: Folder | None = None):
        self._account, self._lesson = account, lesson
        self.folder = folder or Folder()

    def version(self, what: str = HANDLER) -> Version:
        """The version in use of a file, or of the file that an exercise such as "4.2" asks for.

        Raises ``NotDeployed`` when there is none, or the learner's has a mistake that keeps it from being read.
        """
        exercise = what if what in registry.exercises() else ""
        name = registry.exercise_of(exercise).file if exercise else what
        text, checked_by = self.folder.text(name), self.folder.checked_by(name)
        outgrown = bool(exercise and checked_by and registry.lesson_of(checked_by) < registry.lesson_of(exercise))
        if text is not None and not outgrown:
            fault = fault_of(name, text)
            if fault:
                raise NotDeployed(f"There is a mistake in my_chat/{name}, so it was not used: {fault}")
            files = _with_imports(name, text, self.folder.text)
            unchecked = ", which no check has found right yet" if exercise else ""
            return Version(name, files, True, f", checked by exercise {checked_by}" if checked_by else unchecked)
        if not exercise or solutions.course_text(name, exercise) is None:
            raise NotDeployed(f"There is no my_chat/{name} yet: run the cell that writes it.")
        because = (
            f"because yours is still that of exercise {checked_by}" if outgrown else "because yours is not written yet"
        )
        return _of_the_course(name, exercise, because)

    def begin_with(self, lesson: int) -> Version | None:
        """The chat handler with which a lesson begins: what an exercise found right before, else the course's."""
        exercise = registry.finishes(HANDLER, lesson)
        if exercise is None:
            return None
        version = self.finished(exercise)
        if version.yours or registry.lesson_of(exercise) < _GROWN_UP:
            return version
        return replace(version, files=packages.sources_of(HANDLER.removesuffix(".py")))

    def template_to_begin_with(self, lesson: int) -> Version | None:
        """The template of the stack chat with which a lesson begins: what an exercise found right, else the course's."""
        exercise = registry.finishes(TEMPLATE, lesson)
        return self.finished(exercise) if exercise else None

    def finished(self, exercise: str) -> Version:
        """The file of an exercise as the exercise found it right, whatever it is now; else the course's."""
        name = registry.exercise_of(exercise).file
        text = self.folder.checked(exercise, name)
        if text is not None:
            files = _with_imports(name, text, self.folder.text)
            return Version(name, files, True, f", as exercise {exercise} checked it")
        return _of_the_course(name, exercise, f"because exercise {exercise} is not done yet")

    def hand_out(self, name: str) -> None:
        """Put a file that the course hands out into the folder, unless the learner has it already."""
        self.folder.hand_out(name)
        print(f"Yours: my_chat/{name}.")

    def use_course_version(self, exercise: str) -> None:
        """Put the course's answer to an exercise into the folder; what was there is kept in ``earlier/``."""
        name = registry.exercise_of(exercise).file
        text = solutions.course_text(name, exercise) if name else None
        if text is None:
            raise NotDeployed(f"Exercise {exercise} writes no file of your chat.")
        self.folder.write(name, text, replace=True)
        print(f"my_chat/{name} is the course's answer to exercise {exercise} now; yours is kept in my_chat/earlier/.")

    def go_on_with(self, exercise: str) -> None:
        """Let the folder have the file of an exercise: the learner's if it is there, else the course's answer."""
        name = registry.exercise_of(exercise).file
        if self.folder.text(name) is None:
            self.folder.write(name, solutions.course_text(name, exercise) or "")
            print(f"There was no my_chat/{name} yet: it is the course's answer to exercise {exercise} now.")
        else:
            unchecked = self.folder.checked(exercise, name) is None
            print(f"my_chat/{name} is yours.{_UNCHECKED.format(exercise=exercise) if unchecked else ''}")

    def deploy(self, what: str = HANDLER) -> None:
        """Give a function the code of a file, or of an exercise's file, and wait until it runs it.

        This is what the console's button "Deploy" does: ``update_function_code``. A file that
        has the name of one of the course's functions, such as ``connect.py``, is that function's
        code; every other file is the chat function's.
        """
        version = self.version(what)
        put_code(self._account, version.function, self.package(version))
        print(f"Deployed: {version}.")

    def upload(self, what: str = HANDLER) -> str:
        """Upload a package with the file and what it imports from the folder; its key in the lesson's bucket."""
        version = self.version(what)
        key = packages.upload(self._account, self.package(version))
        print(f"Uploaded: {version}.")
        return key

    def deploy_stack(self, short: str, what: str, *, as_handed_out: bool = False, **parameters: str) -> dict[str, str]:
        """Create or update a stack with a template of the folder, and wait; its outputs.

        ``what`` is a file, as it is now or ``as_handed_out`` by the course, or the number of an exercise:
        then the template is what that exercise found right, else the course's. Parameters that are not named keep
        the values that the stack has. Raises ``NotDeployed`` and ``StackFailed``.
        """
        if as_handed_out:
            version = Version(what, {what: given(what) or ""}, False, "as it was handed out")
        else:
            version = self.finished(what) if what in registry.exercises() else self.version(what)
        text, name = boundary.in_template(version.files[version.name]), self._account.name(short)
        known = stack.parameter_names(self._account, text) - parameters.keys()
        kept = stack.parameters(self._account, name) if stack.status_at_rest(self._account, name) else {}
        values = {**{key: value for key, value in kept.items() if key in known}, **parameters}
        outputs = stack.deploy_body(self._account, name, text, values, version.name)
        print(f"Deployed: {version}.")
        return outputs

    def remove_stack(self, short: str) -> None:
        """Delete a stack and wait until it is gone; harmless when there is none."""
        stack.remove(self._account, self._account.name(short))

    def checked_template(self, exercise: str, *, new_deployment: bool = False) -> str:
        """The template that an exercise found right, else the course's answer to it; prints which of both it is.

        A half-done template would be refused by CloudFormation, in words that teach less than the exercise's check.
        With ``new_deployment`` the deployment in it is named after its routes (``deployment_name``). Where
        ``CHAT_BOUNDARY`` demands it, each role has the boundary.
        """
        version = self.finished(exercise)
        print(f"In use: {version}.")
        text = version.files[version.name]
        return boundary.in_template(stamped(text) if new_deployment else text)

    def lint(self, name: str) -> None:
        """Print what cfn-lint says of a template: rule, line, sentence. Asks nobody."""
        from cfnlint.decode import decode_str  # here, because cfn-lint takes a second to be imported

        text = self.folder.text(name)
        if text is None:
            raise NotDeployed(f"There is no my_chat/{name} yet: run the cell that writes it.")
        template, found = decode_str(text)
        if not found and template is not None:
            found = list(_linter(self._account.target.region).validate_template(template))
        for one in sorted(found, key=lambda one: (one.linenumber, one.message)):
            print(f"{one.rule.id} line {one.linenumber}: {one.message}")
        if not found:
            print("cfn-lint has found nothing.")

    def trial(self, what: str = HANDLER) -> Trial:
        """Run a file, or an exercise's file, on this machine with a pretended DynamoDB and pretended people."""
        version = self.version(what)
        print(f"On trial: {version}.")
        return self.trial_of(version)

    def trial_of(self, version: Version) -> Trial:
        """The same for a version, without a word."""
        return Trial(dict(version.files), version.function, _TRIAL_VARIABLES)

    def page_trial(self, what: str = PAGE) -> PageTrial:
        """Run a page, or an exercise's page, on this machine in a pretended browser, with a pretended chat."""
        version = self.version(what)
        print(f"On trial: {version}.")
        return PageTrial(version.files[version.name])

    def function(self, what: str, name: str) -> Callable[..., Any]:
        """A function of a file, or of an exercise's file, for use in a notebook. Raises ``NoSuchFunction``."""
        version = self.version(what)
        found = function_of(version.text, name, version.name)
        print(f"In use: {version}.")
        return found

    def package(self, version: Version) -> bytes:
        """The deployment package of a version."""
        return packages.package_of(version.files)

    def __repr__(self) -> str:
        lines = [f"my_chat, in {self.folder.path.name}/:"]
        for name in sorted(
            path.name for path in self.folder.path.glob("*.*") if path.suffix in (".py", ".yaml", ".html")
        ):
            checked_by = self.folder.checked_by(name)
            lines.append(
                f"  {name}: {f'checked by exercise {checked_by}' if checked_by else 'not checked as it is now'}"
            )
        return "\n".join(lines if len(lines) > 1 else [f"{lines[0]} nothing is written yet"])


def _function_of(name: str) -> str:
    """Whose code a learner's file is: the function of its name if the course has one, else the chat function's."""
    return name.removesuffix(".py") if (packages.HANDLERS / name).is_file() else HANDLER.removesuffix(".py")


def _of_the_course(name: str, exercise: str, because: str) -> Version:
    """The course's version of a file as an exercise leaves it."""

    def text_of(file: str) -> str | None:
        return solutions.course_text(file, exercise)

    return Version(name, _with_imports(name, text_of(name) or "", text_of), False, because)


def _with_imports(name: str, text: str, text_of: Callable[[str], str | None]) -> dict[str, str]:
    """A program, under the name by which its function loads it, with those files that it imports; a page stands alone.

    ``text_of`` gives the text of a file by its name, or None.
    """
    if not name.endswith(".py"):
        return {name: text}
    files = {f"{_function_of(name)}.py": text}
    wanted = packages.imports_of(text)
    while wanted:
        imported = f"{wanted.pop()}.py"
        found = text_of(imported) if imported not in files else None
        if found is not None:
            files[imported] = found
            wanted |= packages.imports_of(found)
    return files


def function_of(text: str, name: str, file: str) -> Callable[..., Any]:
    """Run a file's text and give the function of this name that it defines. Raises ``NoSuchFunction``."""
    names: dict[str, Any] = {"__name__": file.removesuffix(".py")}
    exec(compile(text, f"my_chat/{file}", "exec"), names)  # nosec B102: the learner's own file
    if not callable(names.get(name)):
        raise NoSuchFunction(f"my_chat/{file} defines no function {name}: it needs a line that begins with def {name}(")
    return names[name]


def put_code(account: Account, function: str, package: bytes) -> None:
    """Let one of the course's functions run a package from its next event on. Raises ``NotDeployed``."""
    functions, name = account.client("lambda"), account.name(function)
    try:
        functions.update_function_code(FunctionName=name, ZipFile=package)
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=_WAIT)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise NotDeployed(
            f"There is no function {name} to be deployed to: run this lesson from its set-up cell again."
        ) from None


@cache
def _linter(region: str) -> Any:
    """cfn-lint with all its rules, which take half a second to be read."""
    from cfnlint.config import ConfigMixIn, ManualArgs
    from cfnlint.runner import Runner

    return Runner(ConfigMixIn(**ManualArgs(regions=[region])))
