"""The one call into moto's server applications, one request at a time, on the account thread.

What is replaced of moto, and which of its private names are used, stands in seams.py.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import Any

from localstage.door import models, seams
from localstage.door.account_thread import TookTooLong
from localstage.door.call import Answer, AwsCall
from localstage.door.refusal import Refusal

log = logging.getLogger(__name__)

_ACTION = re.compile(r"The (\w+) action has not been implemented")


class MotoServer:
    """The AWS APIs that moto serves. ``load`` comes first; everything runs on the account thread."""

    def __init__(self, refusal_of: Callable[[AwsCall], Refusal | None], changed: Callable[[str], None]) -> None:
        """``refusal_of`` says what moto must not do, whoever asks, a program or a stack.

        ``changed`` must be told the backend (moto's package, such as ``iam``) of which something may have changed;
        it is told here of each call that moto has done or failed at, before its answer goes out.
        """
        self._refusal_of = refusal_of
        self.changed = changed
        self._applications: dict[str, Any] = {}

    def load(self) -> None:
        """Imports moto's server, which takes about a second."""
        # No web page may read an answer: AWS's APIs name no other origin either.
        os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
        # jsonschema's optional IRI format builds a grammar at import, for a second;
        # nothing here checks IRIs, so for this process the module is not there.
        sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
        # To guess how a text is encoded, to upload files to S3 in parts, and to test applications of Flask's:
        # 5 MB that nothing here uses.
        guesser = "charset_normalizer"
        seams.import_without("requests", guesser, ("detect",), __version__=version(guesser))
        seams.import_without("boto3", "s3transfer.manager", ("TransferConfig",))
        seams.import_without("moto.moto_server.utilities", "flask.testing", (), FlaskClient=object)
        _read_openapi_late()
        _compile_no_builders()
        import moto.moto_server.werkzeug_app  # noqa: F401

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        models.share()
        remember_no_instances()
        from moto.core.utils import method_names_from_class

        # Asked of the same classes at each call, a twentieth of a call's time.
        seams.replace("moto.core.responses:method_names_from_class", cache(method_names_from_class))

    def answer(self, call: AwsCall) -> Answer:
        """moto's answer to a call. Raises Refusal for what moto must not do, does not have, or fails at."""
        refused = self._refusal_of(call)
        if refused is not None:
            raise refused
        if not call.backend:
            raise _unknown_path(call)
        if call.model is not None and not call.protocol:
            kind = call.headers.get("content-type", "")
            raise Refusal("NotImplemented", f"localstage's {call.service} takes no calls of the type {kind}.", 501)
        environ = call.new_environ()
        if call.body and not call.request.raw_query and call.protocol in ("json", "rest-json"):
            # Without a query moto reads a body for one: "&logGroupName=other" in a log line would name the group.
            environ["QUERY_STRING"] = "localstage"
        try:
            answer = self._served(call, environ)
        except NotImplementedError as error:
            raise Refusal("NotImplemented", _sentence(str(error)), 501) from None
        except TookTooLong:
            raise
        except ModuleNotFoundError as error:
            needed = f"localstage's {call.service} needs the package {error.name}: pip install 'moto[server]'"
            raise Refusal("NotImplemented", f"{needed} where localstage is installed.", 501) from None
        except Exception as error:  # A call that moto cannot serve must not take others with it.
            log.exception("%s %s failed", call.method, call.raw_path)
            raise Refusal("InternalFailure", f"localstage failed: {error!r}", 500) from error
        finally:
            if not call.only_reads:
                self.changed(call.backend)  # Also where it failed half way: what it has changed by then is there.
        if answer.status == 404 and answer.body.startswith(b"<!doctype html>"):
            raise _unknown_path(call)
        return answer

    def _served(self, call: AwsCall, environ: dict[str, Any]) -> Answer:
        """The answer of moto's application. All calls of the JSON protocol go to one URL: they need not go through
        Flask, which takes two thirds of the time that moto itself does (measured: 0.32 ms of 0.83 for a Scan)."""
        from werkzeug.test import run_wsgi_app

        application = self._application(call.backend)
        if call.protocol == "json" and call.raw_path == "/":
            return _dispatched(application, environ)
        chunks, status, headers = run_wsgi_app(application, environ, buffered=True)
        return Answer(int(status.split(" ", 1)[0]), list(headers), b"".join(chunks))

    def _application(self, backend: str) -> Any:
        from moto.moto_server.werkzeug_app import create_backend_app

        if backend not in self._applications:
            if backend == "ssm":
                # It brings EC2, 0.8 s of processor time and 100 MB, for commands to instances that have a tag.
                seams.import_without("moto.ssm.models", "moto.ec2", (), ec2_backends=_LateEc2())
            self._applications[backend] = create_backend_app(backend)
        return self._applications[backend]


class _LateEc2(dict[str, Any]):
    """moto's EC2 by account, imported when somebody asks for it."""

    def __missing__(self, account_id: str) -> Any:
        return import_module("moto.ec2").ec2_backends[account_id]


def _dispatched(application: Any, environ: dict[str, Any]) -> Answer:
    """What one of moto's applications answers at "/", done as moto's wrapper and Flask do it."""
    from botocore.exceptions import ClientError
    from moto.moto_api import recorder
    from werkzeug.exceptions import HTTPException

    request, new_response = application.request_class(environ), application.response_class
    try:
        endpoint, _ = application.url_map.bind("").match("/", request.method)
        recorder._record_request(request)
        result = application.view_functions[endpoint].callback(request, request.raw_url, dict(request.headers))
        status, headers, content = result if len(result) == 3 else (200, {}, result)
        response = new_response(content, status, headers)
    except ClientError as error:
        response = new_response(error.response["Error"]["Message"], 400)
    except HTTPException as error:
        response = error.get_response(environ)
    return Answer(response.status_code, list(response.headers), response.get_data())


def _read_openapi_late() -> None:
    """moto's API Gateway loads without openapi-spec-validator, which is imported, if it is there, when it is used.

    moto needs it only to read an OpenAPI document, which no WebSocket API has; it brings pydantic, jsonschema and
    eight more packages with it: 0.15 s of processor time and 17 MB.
    """
    package, names = "openapi_spec_validator", ("", ".validation", ".validation.exceptions")
    if package in sys.modules:
        return
    made = {f"{package}{name}": ModuleType(f"{package}{name}") for name in names}

    class Invalid(Exception):
        """The document is not valid; ``message`` says why."""

        def __init__(self, message: str) -> None:
            super().__init__(message)
            self.message = message

    def validate(document: Any) -> None:
        for name in made:
            if sys.modules.get(name) is made[name]:
                del sys.modules[name]
        try:
            validator = import_module(package)
            invalid = import_module(f"{package}.validation.exceptions").OpenAPIValidationError
        except ModuleNotFoundError:
            wanted = f"to read an OpenAPI document the package {package.replace('_', '-')} is needed"
            raise NotImplementedError(wanted) from None
        try:
            validator.validate(document)
        except invalid as error:
            raise Invalid(error.message) from error

    first, *_, last = made.values()
    first.validate = validate  # type: ignore[attr-defined]
    last.OpenAPIValidationError = Invalid  # type: ignore[attr-defined]
    sys.modules.update(made)


def _compile_no_builders() -> None:
    """Makes werkzeug compile what builds a URL from a rule when it is used, as nothing does here.

    It compiles two functions for each of moto's rules: half of what a service's first call takes.
    """
    from werkzeug.routing import Rule

    compile_now: Callable[..., Any] | None = getattr(Rule, "_compile_builder", None)
    if compile_now is None or getattr(compile_now, "late", False):
        return  # Another werkzeug does without, or this is done.

    def compile_later(rule: Any, append_unknown: bool = True) -> Callable[..., Any]:
        return lambda self, **values: compile_now(self, append_unknown)(self, **values)

    compile_later.late = True  # type: ignore[attr-defined]
    setattr(Rule, "_compile_builder", compile_later)  # noqa: B010


def remember_no_instances() -> None:
    """Makes moto forget what nobody else keeps, such as the log lines that are trimmed.

    Every class of moto's models lists all instances that were ever made, for its own
    dashboard and for S3's temporary files, which are closed with their objects anyway.
    """
    from moto.core.common_models import BaseModel

    seams.replace("moto.core.common_models:BaseModel.__new__", lambda cls, *_, **__: super(BaseModel, cls).__new__(cls))


def existing_backend(service: str, account_id: str, region: str) -> Any:
    """moto's backend of a service in a region, None if nobody has used it."""
    return _existing(service, account_id).get(region)


def existing_backends(service: str, account_id: str) -> list[Any]:
    """moto's backends of a service in all regions in which somebody has used it."""
    return list(_existing(service, account_id).values())


def _existing(service: str, account_id: str) -> dict[str, Any]:
    """By region; a plain copy of what is there, since moto's own dictionaries make what they are asked for."""
    module = {"lambda": "awslambda"}.get(service, service)
    models = sys.modules.get(f"moto.{module}.models")
    regions = dict.get(getattr(models, f"{service}_backends"), account_id) if models is not None else None
    return dict(dict.items(regions)) if regions is not None else {}


def _unknown_path(call: AwsCall) -> Refusal:
    """An operation that moto has no path for, by its name if it has one."""
    operation, _ = call.of_no_service
    name = f"{call.service}:{operation}" if operation else f"{call.method} {call.raw_path}"
    return Refusal("NotImplemented", f"localstage does not have the operation {name}.", 501)


def _sentence(message: str) -> str:
    action = _ACTION.search(message)
    if action is None:
        return f"localstage does not have this operation: {message}"
    name = "".join(part[:1].upper() + part[1:] for part in action.group(1).split("_"))
    return f"localstage does not have the operation {name}."
