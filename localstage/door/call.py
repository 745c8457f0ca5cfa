"""An AWS API call, read once into one value, and its answer.

The call is read by what moto itself reads calls with (``moto.core.routing``,
``moto.core.parse``, ``moto.core.request``), so whoever checks a call and
whoever does it agree by construction. Reading is lazy and happens once: a step
that needs no parameters costs none. The first call of a service loads its
model, which takes a tenth of a second: what is marked "off the event loop" must
be asked on the account thread.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote

from localstage.door import dispatch
from localstage.door.signatures.refusals import SignatureRefused
from localstage.door.signatures.request import ALGORITHM, SignableRequest
from localstage.door.signatures.verification import KnownKey
from localstage.policy.document import Need
from localstage.port import exchange
from localstage.settings import ACCOUNT_ID

CBOR = "smithy-rpc-v2-cbor"
CALL = "localstage.call"
"""Under this name the WSGI request that moto answers holds its AwsCall."""
_VERSIONED = re.compile(r"^/(\d{4}-\d{2}-\d{2}|v\d+)/")
_CBOR_OPERATION = re.compile(r"^/service/[^/]+/operation/([^/]+)$")
_MODELS = {"awslambda": "lambda"}
"""The service models that moto's packages are not named after."""


class Answer(exchange.Answer):
    """An answer of an AWS API."""

    def document(self) -> dict[str, Any]:
        """The body of a JSON protocol; empty when it is not a JSON object."""
        return _json_object(self.body)

    def with_document(self, document: dict[str, Any], status: int | None = None) -> Answer:
        """The same answer with another body; a checksum of the old one goes."""
        dropped = ("x-amz-crc32", "content-length") + (("x-amzn-errortype",) if status == 200 else ())
        kept = [(name, value) for name, value in self.headers if name.lower() not in dropped]
        return Answer(status or self.status, kept, json.dumps(document).encode())


class AwsCall:
    """One call. ``request`` is what was signed; ``sent`` are its headers as they came.

    ``signer`` is None until the signature has been verified, and of the few
    calls that AWS takes unsigned.
    """

    signer: KnownKey | None = None
    facts: Any
    """What permissions know of the account (``services.facts``); set by the step that checks them."""

    def __init__(
        self,
        request: SignableRequest,
        sent: Iterable[tuple[str, str]] = (),
        *,
        source_ip: str | None = None,
        secure: bool = False,
        account_id: str = ACCOUNT_ID,
    ):
        self.request = request
        self.sent = tuple(sent) or tuple(request.headers.items())
        self.source_ip = source_ip
        self.secure = secure
        self.account_id = account_id

    def with_body(self, body: bytes) -> AwsCall:
        """The same call, once its body has been read."""
        return AwsCall(
            self.request.with_body(body),
            self.sent,
            source_ip=self.source_ip,
            secure=self.secure,
            account_id=self.account_id,
        )

    # What is on the wire.

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def raw_path(self) -> str:
        return self.request.raw_path

    @cached_property
    def path(self) -> str:
        """The path with its percent-encoding undone."""
        return unquote(self.raw_path)

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case; several values are joined by commas."""
        return self.request.headers

    @property
    def body(self) -> bytes:
        return self.request.body

    @cached_property
    def query(self) -> dict[str, str]:
        """The query string's names and values."""
        return dict(parse_qsl(self.request.raw_query, keep_blank_values=True))

    # Whose service it asks.

    @cached_property
    def signed_for(self) -> tuple[str, str]:
        """Region and service of the credential scope, "" for both where there is none."""
        try:
            return self.request.claim.region, self.request.claim.service
        except SignatureRefused:
            return "", ""

    @property
    def region(self) -> str:
        return self.signed_for[0]

    @cached_property
    def service(self) -> str:
        """The name that the service is signed for. Off the event loop.

        Invoke is Lambda's whatever service it was signed for: a function is run by the path.
        """
        if self.method == "POST" and self.raw_path.rstrip("/").endswith("/invocations") and self.signed_for[1] != "s3":
            operation, _ = dispatch.match("lambda", self.moto_request)
            if operation is not None and operation.name == "Invoke":
                return "lambda"
        return self.signed_for[1]

    @cached_property
    def backend(self) -> str:
        """moto's package that answers, such as ``awslambda``; "" where moto cannot tell. Off the event loop."""
        if self.service == "lambda" and self.signed_for[1] != "lambda":
            return "awslambda"
        return dispatch.backend_of(self.raw_path, self.headers, self.new_environ)

    # What it asks for.

    @cached_property
    def model(self) -> Any:
        """moto's model of the service, None where there is none. Off the event loop."""
        from botocore.exceptions import UnknownServiceError
        from moto.core.utils import get_service_model

        try:
            return get_service_model(self._model_name) if self._model_name else None
        except UnknownServiceError:
            return None

    @cached_property
    def _model_name(self) -> str:
        from moto.core.utils import service_name_from_moto_package_name

        if self.backend == "apigateway" and self.raw_path.startswith("/v2/"):
            return "apigatewayv2"  # Both are signed for one name, and moto serves both in one place.
        return _MODELS.get(self.backend) or service_name_from_moto_package_name(self.backend)

    @cached_property
    def protocol(self) -> str:
        """The protocol of the request: json, rest-json, query, ec2, rest-xml; "" if it has none. Off the event loop."""
        from moto.core.request import determine_request_protocol

        try:
            return determine_request_protocol(self.model, self.moto_request.content_type) if self.model else ""
        except NotImplementedError:  # moto's word for a content type that the service does not take: refused later.
            return ""

    @cached_property
    def _matched(self) -> tuple[Any, Mapping[str, Any]]:
        """moto's model of the operation, or None, and what the path names.

        None also of a request that names an operation in a second way, or a
        parameter of the query protocol twice: who reads it might read the other.
        """
        operation, labels = (
            dispatch.match(self._model_name, self.moto_request) if self.model is not None else (None, {})
        )
        values = self.moto_request.values
        named = set(values.getlist("Action")) | {self.headers.get("x-amz-target", "").rpartition(".")[2]} - {""}
        if operation is None or (self.backend != "s3" and named - {operation.name}):
            return None, {}
        twice = self.protocol in ("query", "ec2") and any(len(given) > 1 for _, given in values.lists())
        return (None, {}) if twice else (operation, labels)

    @cached_property
    def operation(self) -> str:
        """The operation's name, "" if it cannot be told. Off the event loop."""
        if self.headers.get("smithy-protocol") == "rpc-v2-cbor":
            named = _CBOR_OPERATION.match(self.raw_path)
            return named.group(1) if named else ""
        return self._matched[0].name if self._matched[0] is not None else ""

    @property
    def of_no_service(self) -> tuple[str, Mapping[str, Any]]:
        """What a call of the JSON protocol names and says, where moto lacks the service: good for a refusal alone."""
        target = self.headers.get("x-amz-target", "")
        if not target or self.backend:
            return "", {}
        try:
            said = json.loads(self.body)
        except ValueError:
            said = {}
        return target.rpartition(".")[2], said if isinstance(said, Mapping) else {}

    @property
    def only_reads(self) -> bool:
        """Whether the operation, by its name, changes nothing. Off the event loop."""
        return self.operation.startswith(("Get", "List", "Simulate", "Generate"))

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters by the names of the model; none of a call that cannot be read. Off the event loop."""
        from moto.core.parse import PROTOCOL_PARSERS

        operation, labels = self._matched
        if operation is None:
            return {}
        request = self.moto_request
        try:
            parsed = PROTOCOL_PARSERS[self.protocol](operation).parse(
                {
                    "method": request.method,
                    "values": request.values,
                    "headers": request.headers,
                    "body": request.data,
                    "url_path": request.path,
                    "url_params": labels,
                }
            )
        except Exception:  # moto's parsers raise what comes on malformed input; the service will refuse it.
            return {}
        return parsed if isinstance(parsed, Mapping) else {}

    # What rooms say about it.

    @property
    def caller_arn(self) -> str:
        """The signer's ARN, "" of an unsigned call."""
        return self.signer.principal_arn if self.signer is not None else ""

    def text(self, name: str) -> str:
        """A parameter that is a text or a number, as a text; "" if there is none."""
        value = self.parameters.get(name)
        return str(value) if isinstance(value, str | int) else ""

    def arn(self, service: str, resource: str, *, regional: bool = True, account: bool = True) -> str:
        """An ARN of the call's region and account."""
        return (
            f"arn:aws:{service}:{(self.region or 'us-east-1') if regional else ''}:"
            f"{self.account_id if account else ''}:{resource}"
        )

    def need(self, action: str, resource: str = "*", **keys: Any) -> Need:
        """A need; names of keys have ``__`` for their colon. A value that is None or "" makes no key."""
        return Need(action, resource, {key.replace("__", ":", 1): value for key, value in keys.items() if value})

    def need_to_pass(self, role_arn: str, service: str) -> list[Need]:
        """``iam:PassRole``, where the caller hands a role to a service; nothing for ""."""
        return [self.need("iam:PassRole", role_arn, iam__PassedToService=service)] if role_arn else []

    def request_tags(self) -> dict[str, str]:
        """The tags that the call gives, by key."""
        for name in ("Tags", "tags", "Tag"):
            tags = self.parameters.get(name)
            if isinstance(tags, Mapping):
                return {str(key): str(value) for key, value in tags.items()}
            if isinstance(tags, list):
                return {
                    str(tag.get("Key", tag.get("key"))): str(tag.get("Value", tag.get("value", "")))
                    for tag in tags
                    if isinstance(tag, Mapping)
                }
        return {}

    # How it is answered, and how moto is given it.

    @cached_property
    def answered_in(self) -> str:
        """The protocol of a refusal: ``protocol``, ``s3`` or rpc-v2-cbor; of an unsigned call what it looks like."""
        if self.headers.get("smithy-protocol") == "rpc-v2-cbor":
            return CBOR
        if self.signed_for[1]:
            named = "json" if "x-amz-target" in self.headers else "rest-json"
            fallback = self.model.protocol if self.model is not None else named
            return "s3" if self.backend == "s3" else self.protocol or fallback
        if "x-amz-target" in self.headers or self.headers.get("content-type", "").startswith("application/x-amz-json"):
            return "json"
        if "Action" in self.moto_request.values:
            return "query"
        return "rest-json" if self._looks_like_rest() else "s3"

    def _looks_like_rest(self) -> bool:
        """Whether an unsigned request names a REST service other than S3, by its host or the version in its path."""
        host = self.headers.get("host", "")
        of_s3 = any(part.startswith("s3") for part in host.split("."))
        return bool(_VERSIONED.match(self.raw_path)) or (".amazonaws.com" in host and not of_s3)

    @cached_property
    def moto_request(self) -> Any:
        """The request as moto reads it; of its own, since reading it uses its body up."""
        from moto.core.request import Request

        return Request(self.new_environ())

    def new_environ(self) -> dict[str, Any]:
        """The request for WSGI, with a body that has not been read."""
        return {**self._environ, "wsgi.input": io.BytesIO(self.body), CALL: self}

    @cached_property
    def _environ(self) -> dict[str, Any]:
        environ = dispatch.environ_of(self.request, self.sent, self.source_ip, self.secure)
        if "HTTP_AUTHORIZATION" not in environ and self.signed_for[1]:
            # moto guesses the service of a pre-signed call; permissions are asked for the one it is signed for.
            claim = self.request.claim
            environ["HTTP_AUTHORIZATION"] = (
                f"{ALGORITHM} Credential={claim.access_key_id}/{claim.scope}, SignedHeaders=host, Signature=0"
            )
        return environ


def call_of(response: Any) -> AwsCall:
    """The call that one of moto's response objects answers."""
    return response.normalized_request.environ[CALL]


def caller_of(response: Any) -> str:
    """The access key id of who made the call that one of moto's response objects answers."""
    signer = call_of(response).signer
    return signer.access_key_id if signer is not None else ""


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body) if body else {}
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
