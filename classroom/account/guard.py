"""Proof that AWS calls of this process end at localstage, and at no other place.

On the target ``moto`` this runs before anything else: it looks at what decides
where a call goes (variables, proxies, exceptions from proxies, what botocore
makes of them) and asks localstage itself. Nothing here changes the environment
except ``block_aws``, for the case that the proof fails.
"""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping, MutableMapping
from functools import cache
from urllib.parse import urlsplit

import boto3
import botocore.loaders
import botocore.session
from botocore.utils import get_environ_proxies

SERVICES = ("apigatewayv2", "cloudformation", "cloudwatch", "dynamodb", "iam", "lambda", "logs", "s3", "sts")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_NOWHERE = "http://127.0.0.1:9"


class NotAtLocalstage(Exception):
    """A call of this process could reach something else than localstage; the text says which."""


def check(environ: Mapping[str, str]) -> None:
    """Raise ``NotAtLocalstage`` unless every AWS call of this process ends at the localstage of ``LOCALSTAGE_URL``.

    ``environ`` must be the process's own environment: botocore reads that one.
    """
    url = environ.get("LOCALSTAGE_URL", "")
    if urlsplit(url).scheme != "http" or urlsplit(url).hostname not in _LOOPBACK:
        raise NotAtLocalstage(f"LOCALSTAGE_URL is {url!r}, which is no loopback address")
    _check_variables(environ, url)
    _check_proxies(url, environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1")
    _check_clients(url, bool(environ.get("AWS_ENDPOINT_URL")))
    _ask(url)


def new_session() -> botocore.session.Session:
    """A session for boto3, which knows nothing of an older one but what both would read of botocore's own files."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    return session


@cache
def _loader(search_path: str | None) -> botocore.loaders.Loader:
    return botocore.loaders.create_loader(search_path)


def leads_to_localstage(environ: Mapping[str, str]) -> bool:
    """Whether ``check`` passes: on the target live this tells a rehearsal from the real AWS."""
    try:
        check(environ)
    except NotAtLocalstage:
        return False
    return True


def has_ended(url: str) -> bool:
    """Whether nothing listens any more at an address of localstage's; False of every other address."""
    place = urlsplit(url)
    if place.scheme != "http" or place.hostname not in _LOOPBACK:
        return False
    try:
        socket.create_connection((place.hostname or "", place.port or 80), timeout=10).close()
    except ConnectionRefusedError:
        return True
    except (OSError, ValueError):
        return False  # Something is there, or it is no address: the proof will say so.
    return False


def block_aws(environ: MutableMapping[str, str]) -> None:
    """After a failed proof: let no AWS call of this process reach anything at all."""
    for name in list(environ):
        if name.startswith("AWS_"):
            del environ[name]
    environ.update(
        AWS_ENDPOINT_URL=_NOWHERE,
        HTTPS_PROXY=_NOWHERE,
        https_proxy=_NOWHERE,
        NO_PROXY="",
        no_proxy="",
        AWS_ACCESS_KEY_ID="none",
        AWS_SECRET_ACCESS_KEY="none",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE="/nonexistent/config",
        AWS_SHARED_CREDENTIALS_FILE="/nonexistent/credentials",
        AWS_DEFAULT_REGION="us-east-1",
    )
    boto3.setup_default_session(botocore_session=new_session())


def _check_variables(environ: Mapping[str, str], url: str) -> None:
    for name, value in environ.items():
        if name.startswith("AWS_ENDPOINT_URL") and value.rstrip("/") != url.rstrip("/"):
            raise NotAtLocalstage(f"{name} is {value!r}, not localstage at {url}")
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        raise NotAtLocalstage("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is set, so AWS_ENDPOINT_URL has no effect")
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        if environ.get(name):
            raise NotAtLocalstage(f"{name} is {environ[name]!r}, and a profile may name credentials and endpoints")


def _check_proxies(url: str, region: str) -> None:
    for host in (f"abcdefghij.execute-api.{region}.amazonaws.com", f"dynamodb.{region}.amazonaws.com"):
        proxy = get_environ_proxies(f"https://{host}/").get("https", "")
        if proxy.rstrip("/") != url.rstrip("/"):
            how = f"through {proxy}" if proxy else "without a proxy (see NO_PROXY)"
            raise NotAtLocalstage(f"a call to {host} would go out {how}")


def _check_clients(url: str, by_endpoint: bool) -> None:
    """With ``by_endpoint`` botocore must have taken localstage's address; else an AWS name, which the proxy takes."""
    session = boto3.Session(botocore_session=new_session())
    for service in SERVICES:
        endpoint = session.client(service).meta.endpoint_url
        host = urlsplit(endpoint).hostname or ""
        at_aws = endpoint.startswith("https://") and host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
        if endpoint.rstrip("/") != url.rstrip("/") and (by_endpoint or not at_aws):
            raise NotAtLocalstage(f"the client of {service} would call {endpoint}")


def _ask(url: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/_localstage/status", timeout=10) as answer:
            facts = json.load(answer)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise NotAtLocalstage(f"no localstage answers at {url} ({getattr(error, 'reason', error)})") from None
    if facts.get("url", "").rstrip("/") != url.rstrip("/"):
        raise NotAtLocalstage(f"what answers at {url} is not localstage")
