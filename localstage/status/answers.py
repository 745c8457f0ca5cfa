"""``/_localstage/``: the status page, and what it and the command line ask for. Read only.

The page shows what functions print and who is connected, so it is for this
origin alone: the port has refused foreign Host headers before it comes here,
a browser that asks on behalf of another site is refused, and no other page may
frame it or read it. It shows no key, and no message's text.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from localstage.core.management import execute_api_host_of
from localstage.functions.service import Functions
from localstage.gateway.gateway import Gateway
from localstage.port import web
from localstage.port.pages import PAGES_PATH, file_answer, file_below
from localstage.settings import Settings
from localstage.status.activity import Activity

STATUS_PATH = "/_localstage/"
_PAGE = Path(__file__).resolve().parent / "page"
_LONGEST_WAIT_S = 25.0
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
}


class Status:
    """Answers for one emulator. ``url`` gives its address, once the port is open."""

    def __init__(
        self, settings: Settings, gateway: Gateway, functions: Functions, activity: Activity, url: Callable[[], str]
    ):
        self._settings = settings
        self._gateway = gateway
        self._functions = functions
        self._activity = activity
        self._url = url

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The page, its files, or JSON: ``status``, ``overview``, ``activity?after=NUMBER&wait=SECONDS``."""
        if request.method not in ("GET", "HEAD"):
            return _refused(405, f"localstage's own pages are read with GET or HEAD, not {request.method}.")
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none") and not _is_a_visit(request):
            return _refused(403, "localstage shows what it does to its own page only, not to one of another origin.")
        path = request.raw_path.partition("?")[0].removeprefix(STATUS_PATH)
        if path == "status":
            return _json(self._status())
        if path == "overview":
            return _json({**self._status(), "stages": list(self._stages()), "open": list(self._connections())})
        if path == "activity":
            return await self._answer_activity(request)
        found = file_below(_PAGE, path)
        if found is None:
            return _refused(404, f"localstage has no {STATUS_PATH}{path}; it has {STATUS_PATH} and {PAGES_PATH}.")
        return file_answer(found, _HEADERS)

    async def _answer_activity(self, request: web.BaseRequest) -> web.Response:
        try:
            number = int(request.query.get("after", "0"))
            seconds = min(float(request.query.get("wait", "0")), _LONGEST_WAIT_S)
        except ValueError:
            return _refused(400, "after is a whole number, wait is seconds.")
        await self._activity.wait(number, seconds)
        last, entries = self._activity.after(number)
        return _json({"pid": os.getpid(), "last": last, "entries": entries})

    def _status(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "url": self._url(),
            "region": self._settings.region,
            "connections": len(self._gateway.connections),
            "environments": self._functions.environment_count,
        }

    def _stages(self) -> Iterator[dict[str, Any]]:
        for stage in self._gateway.stages.all():
            at = f"{stage.api_id}/{stage.stage_name}"
            yield {
                "api_id": stage.api_id,
                "stage": stage.stage_name,
                "api_name": self._gateway.stages.name_of(stage.api_id),
                "url": f"wss://{execute_api_host_of(stage.api_id, stage.region)}/{stage.stage_name}",
                "local_url": f"ws{self._url().removeprefix('http')}/{at}",
                "route_selection_expression": stage.snapshot.route_selection_expression,
                "routes": [
                    {
                        "route_key": key,
                        "authorization": route.authorization_type,
                        "integration": route.integration and route.integration.integration_type,
                        "target": _target_of(route.integration.integration_uri) if route.integration else "",
                    }
                    for key, route in sorted(stage.snapshot.routes.items())
                ],
            }

    def _connections(self) -> Iterator[dict[str, Any]]:
        for connection in self._gateway.connections.all():
            facts = connection.facts
            yield {
                "connection_id": facts.connection_id,
                "api_id": facts.api_id,
                "stage": facts.stage,
                "connected_at_ms": facts.connected_at_ms,
                "last_active_ms": connection.last_active_ms,
                "user_agent": facts.user_agent,
            }


def _target_of(uri: str | None) -> str:
    """A function's name from an integration's URI, else the URI."""
    name = (uri or "").partition(":function:")[2].partition("/")[0]
    return name or (uri or "")


def _is_a_visit(request: web.BaseRequest) -> bool:
    """Whether somebody follows a link to the page: it is shown, and who linked cannot read it."""
    return (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")) == ("navigate", "document")


def _json(facts: dict[str, Any]) -> web.Response:
    return web.Response(body=json.dumps(facts).encode(), content_type="application/json", headers=_HEADERS)


def _refused(status: int, sentence: str) -> web.Response:
    return web.Response(status=status, text=f"{sentence}\n", headers=_HEADERS)
