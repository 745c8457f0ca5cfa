"""A second language is one more row of the table: all else serves it as it serves Python."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest

from localstage.functions.invocation import InvalidRuntime
from localstage.functions.runtimes import EnvironmentFiles, Python, Runtimes
from tests.moved_clock import StandingClock
from tests.process.functions_workbench import Workbench, function, with_workbench, zipped

# Speaks the Runtime API itself. A "program" is a text that is formatted with the event.
INTERPRETER = """
import json, os, sys, urllib.request
base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"
call = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
def post(path, value):
    call(urllib.request.Request(base + path, json.dumps(value).encode())).read()
try:
    program = open(sys.argv[1]).read()
except OSError as error:
    post("init/error", {"errorType": "Toy.NoProgram", "errorMessage": str(error)})
    sys.exit(3)
served = 0
while True:
    with call(base + "invocation/next") as answer:
        event, request_id = json.load(answer), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    served += 1
    print("running", os.path.abspath(sys.argv[1]), "with", sys.executable, flush=True)
    if event == "fail":
        post(f"invocation/{request_id}/error", {"errorType": "Toy.Error", "errorMessage": "as asked"})
    else:
        said = program.format(event=event, **os.environ)
        post(f"invocation/{request_id}/response", {"said": said, "served": served})
"""


class Toy:
    """Programs of one line in a language of our own."""

    language = "Toy"
    identifiers = "toy1.x"

    def missing(self) -> str | None:
        return None

    def version(self, identifier: str) -> str:
        return f"toy:{identifier.removeprefix('toy')}.v7"

    def command(self, handler: str, files: EnvironmentFiles) -> tuple[str, ...]:
        return (sys.executable, "-c", INTERPRETER, f"{files.task_root}/{handler}")

    def arrange(self, identifier: str, files: EnvironmentFiles) -> None:
        return

    def variables(self, identifier: str, files: EnvironmentFiles) -> Mapping[str, str]:
        return {"TOY_LIBRARY": "/opt/toy"}

    def template(self) -> None:
        return None

    def masks(self, identifier: str) -> Mapping[str, str]:
        return {sys.executable: "/var/lang/bin/toy"}


BOTH = Runtimes({r"python3\.\d+": Python(), r"toy\d+\.x": Toy()})
HELLO = function(
    "",
    package=zipped({"hello.toy": "{event} from {AWS_LAMBDA_FUNCTION_NAME}, {AWS_EXECUTION_ENV}, {TOY_LIBRARY}"}),
    handler="hello.toy",
    runtime="toy1.x",
    name="hello",
)


@with_workbench(runtimes=BOTH, clock=StandingClock())
async def test_function_when_its_language_is_another_row(bench: Workbench) -> None:
    """It starts, is reused, fails and logs under its own language's words, beside a Python function."""
    assert await bench.value(HELLO, "hi") == {"said": "hi from hello, AWS_Lambda_toy1.x, /opt/toy", "served": 1}
    failed = await bench.call(HELLO, "fail")
    assert (failed.function_error, failed.payload) == (
        "Unhandled",
        b'{"errorType": "Toy.Error", "errorMessage": "as asked"}',
    )
    assert (await bench.value(HELLO, "again"))["served"] == 3
    assert "INIT_START Runtime Version: toy:1.x.v7\t" in bench.log.text
    assert "running /var/task/hello.toy with /var/lang/bin/toy\n" in bench.log.text
    assert await bench.value(function("def handler(event, context): return event"), "python") == "python"


@with_workbench(runtimes=BOTH)
async def test_init_when_the_language_says_why_it_failed(bench: Workbench) -> None:
    """The error that another language's runtime posts is the answer, and its type is in the log."""
    result = await bench.call(function("", handler="nothing.toy", runtime="toy1.x"))
    assert b'"errorType": "Toy.NoProgram"' in result.payload and b"/var/task/nothing.toy" in result.payload
    assert "Status: error\tError Type: Toy.NoProgram\n" in bench.log.text


@with_workbench()
async def test_function_when_the_table_has_no_row_for_it(bench: Workbench) -> None:
    """Without the row the same function is refused by name."""
    with pytest.raises(InvalidRuntime, match="only; hello asks for the runtime toy1.x"):
        await bench.call(HELLO, "hi")
