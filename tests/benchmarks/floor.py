"""The floor: a gateway that only routes and posts, so its times are those of the handler itself.

``python -m tests.benchmarks.floor PORT HANDLER_FILE``. It checks nothing, knows
one stage without a name, and runs the handler in a process for each core.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from subprocess import PIPE

from aiohttp import web

WORKER = """
import json, runpy, sys
answers, sys.stdout = sys.stdout, sys.stderr
handler = runpy.run_path(sys.argv[1])["handler"]
for line in sys.stdin:
    print(json.dumps(handler(json.loads(line), None)), file=answers, flush=True)
"""


async def main(port: int, handler: str) -> None:
    free: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()
    sockets: dict[str, web.WebSocketResponse] = {}
    for _ in range(os.cpu_count() or 1):
        command = (sys.executable, "-c", WORKER, handler)
        free.put_nowait(await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE))

    async def invoke(kind: str, connection_id: str, body: str = "") -> None:
        worker = await free.get()
        event = {"requestContext": {"eventType": kind, "connectionId": connection_id}, "body": body}
        worker.stdin.write(json.dumps(event).encode() + b"\n")
        await worker.stdout.readline()
        free.put_nowait(worker)

    async def connect(request: web.Request) -> web.StreamResponse:
        connection_id, running = secrets.token_hex(8), set()
        await invoke("CONNECT", connection_id)
        socket = sockets[connection_id] = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            running.add(task := asyncio.create_task(invoke("MESSAGE", connection_id, message.data)))
            task.add_done_callback(running.discard)
        del sockets[connection_id]
        await invoke("DISCONNECT", connection_id)
        return socket

    async def post(request: web.Request) -> web.StreamResponse:
        socket = sockets.get(request.match_info["id"])
        if socket is None or socket.closed:
            return web.Response(status=410, headers={"x-amzn-errortype": "GoneException"})
        await socket.send_str(await request.text())
        return web.Response()

    application = web.Application()
    application.add_routes([web.get("/", connect), web.post("/@connections/{id}", post)])
    await web._run_app(application, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
