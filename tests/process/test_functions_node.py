"""Node.js functions in real processes: what a handler sees, and what its caller gets, as AWS's own client does it.

Where nothing else is named, the source is aws-lambda-ric 3.3.0, as the comment at
the head of node_runtime_client.cjs says.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localstage.functions.runtimes import Node, Runtimes
from tests.moved_clock import StandingClock
from tests.process.functions_workbench import Workbench, function, is_running, until, with_workbench, zipped

pytestmark = pytest.mark.skipif(Node().missing() is not None, reason=f"it needs {Node().missing()}")


def node(code: str = "", *, files: dict[str, str] | None = None, **facts: Any) -> Any:
    """A Node.js function; its handler is ``app.handler`` unless named otherwise."""
    return function(
        "", **{"package": zipped(files or {"app.js": code}), "runtime": "nodejs20.x", "timeout_s": 30, **facts}
    )


DESCRIBING = """
let served = 0;
exports.handler = async (event, context) => {
  console.log('got', event, '\\nand more');
  console.warn('%s of %d', 'one', 2);
  console.error(new Error('looks bad').message);
  console.debug('d'); console.info('i'); console.trace('t');
  process.stdout.write('plain\\n');
  return {
    served: ++served, pid: process.pid, event, context, remaining: context.getRemainingTimeInMillis(),
    waits: context.callbackWaitsForEmptyEventLoop, names: Object.keys(context),
    environ: process.env, cwd: process.cwd(), stdin: require('fs').readFileSync(0, 'utf8'), file: __filename,
    temp: require('os').tmpdir(),
  };
};
"""


@with_workbench(clock=StandingClock())
@pytest.mark.fidelity("9.14")
async def test_node_function_when_it_is_invoked(bench: Workbench) -> None:
    """Its environment is kept; context, variables and the log are Lambda's."""
    probe = node(DESCRIBING, name="describe", memory_mb=256, timeout_s=600, environment={"MINE": "1"})
    qualified = replace(probe, invoked_arn=probe.arn + ":live")
    client_context = json.dumps({"custom": {"a": "é"}}, indent=1, ensure_ascii=False)
    first = await bench.call(qualified, {"text": "é\n"}, client_context=client_context)
    seen, again = json.loads(first.payload), await bench.value(qualified)
    assert (seen["served"], again["served"], seen["event"]) == (1, 2, {"text": "é\n"})
    assert seen["pid"] == again["pid"] and bench.functions.environment_count == 1
    (stream,) = {name.split()[-1] for name in bench.log.streams}
    assert seen["context"] == {
        "callbackWaitsForEmptyEventLoop": True,
        "functionVersion": "$LATEST",
        "functionName": "describe",
        "memoryLimitInMB": "256",
        "logGroupName": "/aws/lambda/describe",
        "logStreamName": stream,
        "clientContext": {"custom": {"a": "é"}},
        "invokedFunctionArn": probe.arn + ":live",
        "awsRequestId": first.request_id,
    }
    methods = {"succeed", "fail", "done", "getRemainingTimeInMillis"}
    assert set(seen["names"]) == {*seen["context"], *methods, "identity", "tenantId"}
    assert 540_000 < seen["remaining"] <= 600_000 and seen["waits"] is True
    environ = seen["environ"]
    assert environ["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs20.x" and environ["MINE"] == "1"
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", environ["_X_AMZN_TRACE_ID"])
    assert environ["_X_AMZN_TRACE_ID"] != again["environ"]["_X_AMZN_TRACE_ID"]
    assert seen["stdin"] == "" and Path(seen["cwd"]).name == "task"
    assert Path(seen["file"]) == Path(seen["cwd"]) / "app.js" and seen["temp"] == environ["TMPDIR"]
    start, *said, end, report = bench.log.messages[1 : bench.log.messages.index("plain\n") + 3]
    assert re.match(r"INIT_START Runtime Version: nodejs:20\.v\d+\t", bench.log.messages[0])
    assert start.startswith("START ") and end.startswith("END ") and "\tInit Duration: " in report
    assert "\tMax Memory Used: " in report
    line = re.compile(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{first.request_id}\t(\w+)\t(.*)\n", re.DOTALL)
    assert [line.fullmatch(message).groups() for message in said[:-1]] == [
        ("INFO", "got { text: 'é\\n' } \nand more"),
        ("WARN", "one of 2"),
        ("ERROR", "looks bad"),
        ("DEBUG", "d"),
        ("INFO", "i"),
        ("TRACE", "t"),
    ]


@with_workbench()
async def test_node_function_when_its_event_and_answer_are_large(bench: Workbench) -> None:
    """Megabytes come and go whole, as characters of more than one byte."""
    text = "é" * 1_000_000
    assert await bench.value(node("exports.handler = async ({ text }) => text + text.length"), {"text": text}) == (
        text + "1000000"
    )


WAYS = """
const later = (work) => new Promise((resolve) => setTimeout(() => resolve(work()), 20));
module.exports = {
  callback: (event, context, callback) => { setTimeout(() => console.log('before the answer'), 20); callback(null, 1); },
  unwaited: (event, context, callback) => {
    context.callbackWaitsForEmptyEventLoop = false;
    setTimeout(() => console.log('never'), 3600e3);
    callback(null, 2);
  },
  promise: () => later(() => 3),
  succeed: (event, context) => { setTimeout(context.succeed, 10, 4); },
  done: (event, context) => context.done(null, 5),
  twice: (event, context, callback) => { callback(null, 6); callback(new Error('late')); },
  nothing: () => { setTimeout(() => console.log('all done'), 10); return 'not a promise'; },
  empty: async () => {},
  nested: { deep: async () => 7 },
};
"""


@with_workbench()
@pytest.mark.fidelity("9.14")
async def test_node_handler_in_each_way_of_answering(bench: Workbench) -> None:
    """Promises, callbacks and the context's methods answer; a callback waits for the event loop unless told not to."""
    for name, answer in {
        "callback": 1,
        "unwaited": 2,
        "promise": 3,
        "succeed": 4,
        "done": 5,
        "twice": 6,
        "nothing": None,
        "empty": None,
        "nested.deep": 7,
    }.items():
        assert await bench.value(node(WAYS, name=name.replace(".", ""), handler=f"app.{name}")) == answer, name
    said = bench.log.text
    assert said.index("before the answer") < said.index("END ") and "all done" in said and "never" not in said


FAILING = """
let served = 0;
const named = (name) => Object.assign(new Error('wrong in ' + __filename), { name });
exports.handler = (event, context, callback) => {
  served += 1;
  switch (event) {
    case 'throw': throw named('MyError');
    case 'reject': return Promise.reject(new TypeError('rejected'));
    case 'text': return Promise.reject('only text');
    case 'callback': return callback(named('CallbackError'));
    case 'fail': return context.fail();
    case 'circular': { const one = {}; one.one = one; return Promise.resolve(one); }
    case 'unhandled': Promise.reject(new RangeError('nobody looks')); return new Promise(() => {});
    case 'uncaught': setTimeout(() => { throw named('LateError'); }); return new Promise(() => {});
    case 'exit': process.exit(0);
    case 'exit 1': process.exit(1);
    case 'kill': process.kill(process.pid, 'SIGKILL'); return new Promise(() => {});
    case 'loop': for (;;) {}
    case 'large': return callback(null, 'x'.repeat(6291560));
    case 'null': return Promise.reject();
    case 'bigint': return Promise.resolve(1n);
    case 'recursion': { const again = () => again() + 1; return again(); }
    case 'late':
      setTimeout(() => { callback(new Error('late')); throw named('TooLateError'); }, 10);
      return Promise.resolve('first');
    case 'closed': require('fs').closeSync(1); console.log('to nobody'); return callback(null, 'closed');
    case 'listener':
      process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => callback(null, error.name));
      setTimeout(() => { throw named('HeardError'); });
      return;
    case 'megabytes': for (let i = 0; i < 2000; i++) process.stdout.write('x'.repeat(1023) + '\\n'); return callback(null, 1);
    case 'memory': { const all = []; for (;;) all.push(new Array(1e6).fill(0)); }
    case 'abort': process.abort();
    case 'no JSON': JSON.stringify = () => { throw new Error('mine'); }; return callback(null, {});
    case 'starved': { const again = () => process.nextTick(again); again(); return Promise.resolve('starved'); }
    case 'children': {
      const start = (detached) => require('child_process').spawn('sleep', ['600'], { detached, stdio: 'ignore' });
      const children = [start(false), start(true)];
      children.forEach((child) => child.unref());
      return callback(null, children.map((child) => child.pid));
    }
    default: return callback(null, served);
  }
};
"""


@with_workbench()
@pytest.mark.fidelity("9.14")
async def test_node_handler_when_it_fails(bench: Workbench) -> None:
    """Each failure is an answer with Lambda's keys; the environment lives on, unless nobody caught the error."""
    probe = node(FAILING)
    for event, error_type, message in (
        ("throw", "MyError", "wrong in /var/task/app.js"),
        ("reject", "TypeError", "rejected"),
        ("text", "string", "only text"),
        ("callback", "CallbackError", "wrong in /var/task/app.js"),
        ("fail", "string", "handled"),
        ("circular", "Error", "Unable to stringify response body"),
        ("null", "string", "handled"),
        ("bigint", "Error", "Unable to stringify response body"),
        ("recursion", "RangeError", "Maximum call stack size exceeded"),
        ("large", "Function.ResponseSizeTooLarge", None),
        (None, None, None),
        ("unhandled", "Runtime.UnhandledPromiseRejection", "RangeError: nobody looks"),
        ("uncaught", "LateError", "wrong in /var/task/app.js"),
        (None, None, None),
    ):
        result = await bench.call(probe, event)
        payload = json.loads(result.payload)
        if event is None:
            assert payload in (11, 1)  # Of one environment; the two before have ended one each.
            continue
        assert (result.function_error, payload["errorType"]) == ("Unhandled", error_type)
        if message is not None:
            assert list(payload) == ["errorType", "errorMessage", "trace"] and payload["errorMessage"] == message
        if event == "throw":
            assert payload["trace"][0].endswith("Error: wrong in /var/task/app.js")
            assert re.match(r" {4}at named \(/var/task/app\.js:3:\d+\)", payload["trace"][1])
    said = bench.log.text
    assert (
        '\tERROR\tInvoke Error \t{"errorType":"TypeError","errorMessage":"rejected","stack":["TypeError: rejected",'
        in said
    )
    assert (
        '\tERROR\tUnhandled Promise Rejection \t{"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":'
        in said
    )
    assert '\tERROR\tUncaught Exception \t{"errorType":"LateError","errorMessage":"wrong in /var/task/app.js",' in said


@with_workbench()
async def test_node_process_when_it_ends_or_takes_too_long(bench: Workbench) -> None:
    """A process that ends is Runtime.ExitError, one over its limit is killed even in an endless loop."""
    for event, reason in {
        "exit": "Runtime exited without providing a reason",
        "exit 1": "Runtime exited with error: exit status 1",
        "kill": "Runtime exited with error: signal: killed",
        "abort": "Runtime exited with error: signal: aborted",
        "memory": "Runtime exited with error: signal: aborted",
        "no JSON": "Runtime exited with error: exit status 128",
    }.items():
        result = await bench.call(node(FAILING), event)
        assert json.loads(result.payload) == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {result.request_id} Error: {reason}",
        }
    assert await bench.value(node(FAILING), "late") == "first"
    await until(lambda: bench.functions.environment_count == 0, "the environment to end by itself")
    assert '\tERROR\tUncaught Exception \t{"errorType":"TooLateError"' in bench.log.text
    result = await bench.call(node(FAILING, timeout_s=1), "loop")
    assert json.loads(result.payload)["errorType"] == "Sandbox.Timedout"
    assert " Task timed out after 1.00 seconds\n" in result.log_tail
    assert await bench.value(node(FAILING, timeout_s=1), "starved") == "starved"
    await until(lambda: bench.functions.environment_count == 0, "the end of what never asks for another invocation")


@with_workbench(clock=StandingClock())
async def test_node_handler_when_it_meddles(bench: Workbench) -> None:
    """Output without end, a closed stdout, listeners of its own and children cost its own invocation at most."""
    probe = node(FAILING)
    assert await bench.value(probe, "megabytes") == 1
    assert bench.log.text.count("x" * 1023 + "\n") == 2000
    assert await bench.value(probe, "listener") == "HeardError"
    children = await bench.value(probe, "children")
    assert await bench.value(probe, "closed") == "closed"
    assert await bench.value(probe, None) == 5
    if sys.platform == "linux":
        assert all(map(is_running, children))
        await bench.call(probe, "abort")
        await until(lambda: not any(map(is_running, children)), "the children of an environment that has ended")


@with_workbench()
@pytest.mark.fidelity("9.14")
async def test_node_function_when_its_init_fails(bench: Workbench) -> None:
    """What is wrong with the package is the answer, under AWS's names; a missing SDK is said in a sentence."""
    sdk = "comes with Lambda's runtime, not with Node.js: run localstage install node-sdk, or add it to the package.\n"
    for files, handler, error_type, message in (
        (
            {"app.js": "require('./nowhere')"},
            "app.handler",
            "Runtime.ImportModuleError",
            "Error: Cannot find module './no",
        ),
        ({"app.js": "require('@aws-sdk/client-s3')"}, "app.handler", "Runtime.ImportModuleError", "Error: Cannot find"),
        (
            {"app.mjs": "import '@aws-sdk/client-s3'"},
            "app.handler",
            "Error",
            "Cannot find package '@aws-sdk/client-s3'",
        ),
        ({"a.js": ""}, "app.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'app'\nRequire stack:"),
        ({"app.js": "exports.handler = ("}, "app.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected"),
        (
            {"app.js": "exports.other = 1"},
            "app.handler",
            "Runtime.HandlerNotFound",
            "app.handler is undefined or not exp",
        ),
        ({"app.js": "exports.handler = 1"}, "app.handler", "Runtime.HandlerNotFound", "app.handler is not a function"),
        ({"app.js": ""}, "app", "Runtime.MalformedHandlerName", "Bad handler"),
        ({"app.js": ""}, "../app.handler", "Runtime.MalformedHandlerName", "'../app.handler' is not a valid handler n"),
        ({"app.js": "awslambda.streamifyResponse(1)"}, "app.handler", "Error", "localstage does not stream responses:"),
        ({"app.js": "throw new RangeError('at once')"}, "app.handler", "RangeError", "at once"),
        (
            {"app.mjs": "export const handler = require('fs')"},
            "app.handler",
            "ReferenceError",
            "require is not defined in",
        ),
        ({"app.js": "process.exit(3)"}, "app.handler", "Runtime.ExitError", None),
        ({"app.mjs": "await new Promise(() => {})"}, "app.handler", "Runtime.ExitError", None),
    ):
        result = await bench.call(node(files=files, handler=handler))
        payload = json.loads(result.payload)
        assert result.function_error == "Unhandled"
        assert payload["errorType"] == error_type
        if message is not None:
            assert payload["errorMessage"].startswith(message) and payload["trace"], payload
            assert f"\tStatus: error\tError Type: {error_type}\n" in result.log_tail
        assert str(bench.work_dir) not in result.payload.decode() + bench.log.text
    assert bench.log.text.count(f"localstage: @aws-sdk/client-s3 {sdk}") == 2
    assert "localstage: the syntax error is in /var/task/app.js:1\n" in bench.log.text
    assert '\tundefined\tERROR\tUncaught Exception \t{"errorType":"Runtime.ImportModuleError",' in bench.log.text


@with_workbench(init_timeout_s=1)
async def test_node_init_when_it_takes_too_long(bench: Workbench) -> None:
    """It is begun again with the function's own limit, and its end is a time-out."""
    result = await bench.call(node("for (;;) {}", timeout_s=1))
    assert json.loads(result.payload)["errorType"] == "Sandbox.Timedout"
    assert bench.log.text.count("\tStatus: timeout") >= 2


@with_workbench()
async def test_node_module_of_each_kind(bench: Workbench) -> None:
    """CommonJS, ES modules by name and by package.json, files in folders; both kinds find packages, layers and the SDK."""
    library = {"node_modules/mine/index.js": "module.exports = 'mine'"}
    for files, handler in (
        ({"app.mjs": "import mine from 'mine'; await 0; export const handler = async () => mine"}, "app.handler"),
        (
            {
                "package.json": '{"type": "module"}',
                "src/app.js": "import mine from 'mine'; export const handler = async () => mine",
            },
            "src/app.handler",
        ),
        ({"app.cjs": "exports.handler = async () => require('mine')"}, "app.handler"),
        ({"app.js": "exports.handler = async () => (await import('mine')).default"}, "app.handler"),
        ({"dist/a/index.js": "exports.handler = async () => require('mine')"}, "dist/a/index.handler"),
    ):
        assert await bench.value(node(files={**files, **library}, handler=handler)) == "mine", files


def test_node_function_when_a_layer_or_the_sdk_has_the_package(tmp_path: Path) -> None:
    """The package itself comes before the layers, and these before the SDK, for both kinds of modules."""
    for name in ("one", "two", "three"):
        place = tmp_path / "sdk" / "node_modules" / name
        place.mkdir(parents=True)
        (place / "index.js").write_text(f"module.exports = '{name} of the SDK'")
    layer = zipped(
        {f"nodejs/node_modules/{name}/index.js": f"module.exports = '{name} of a layer'" for name in ("one", "two")}
    )
    own = {"node_modules/one/index.js": "module.exports = 'my one'"}
    found = ["my one", "two of a layer", "three of the SDK"]

    @with_workbench(runtimes=Runtimes({"nodejs.*": Node(tmp_path / "sdk")}))
    async def find(bench: Workbench) -> None:
        wanted = "import one from 'one'; import two from 'two'; import three from 'three';"
        module = f"{wanted} export const handler = async () => [one, two, three]"
        common = "exports.handler = async () => ['one', 'two', 'three'].map(require)"
        for files in ({"app.mjs": module}, {"app.js": common}):
            assert await bench.value(node(files={**files, **own}, layer_zips=(layer,))) == found

    find()


@with_workbench()
async def test_node_24_function_when_it_is_invoked(bench: Workbench) -> None:
    """From nodejs24.x on there are no callbacks: a handler that takes one is refused, and the context has fewer fields."""
    names = await bench.value(node("exports.handler = (e, context) => Object.keys(context)", runtime="nodejs24.x"))
    assert "awsRequestId" in names and not {"done", "callbackWaitsForEmptyEventLoop"}.intersection(names)
    payload = json.loads((await bench.call(node(WAYS, handler="app.callback", runtime="nodejs24.x"))).payload)
    assert payload["errorType"] == "Runtime.CallbackHandlerDeprecated"


BUSY = """
const { spawn } = require('child_process');
const fs = require('fs');
exports.handler = async (event) => {
  const children = [false, true].map((detached) => spawn('sleep', ['600'], { detached }));
  fs.writeFileSync(event.file, [process.pid, ...children.map((child) => child.pid)].join(' '));
  fs.renameSync(event.file, event.file + '.done');
  for (;;) {}
};
"""
STAGE = """
import asyncio, sys
from tests.process.test_functions_node import BUSY, node
from tests.process.functions_workbench import workbench
async def main():
    async with workbench() as bench:
        await bench.call(node(BUSY, timeout_s=600), {"file": sys.argv[1]})
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="process groups are POSIX's, and stragglers are found on Linux")
def test_killed_stage_leaves_no_node_process(tmp_path: Path) -> None:
    """When the stage is killed outright, a handler in an endless loop ends with everything that it has started."""
    file, done = tmp_path / "pids", tmp_path / "pids.done"
    stage = subprocess.Popen(
        [sys.executable, "-c", STAGE, str(file)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )

    async def kill() -> None:
        await until(done.exists, "the handler to run")
        pids = [int(pid) for pid in done.read_text().split()]
        assert len(pids) == 3 and all(map(is_running, pids))
        stage.send_signal(signal.SIGKILL)
        stage.wait(60)
        await until(lambda: not any(map(is_running, pids)), "the environment and its children to be gone")

    try:
        asyncio.run(kill())
    finally:
        stage.kill()
        stage.wait(60)
