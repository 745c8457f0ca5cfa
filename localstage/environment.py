"""The environment that makes an unmodified AWS program reach localstage.

Pure: takes an environment and gives another. Nothing of the user's may lead a
program to the real AWS, whatever profile, endpoint or proxy exception is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from localstage.port.hosts import is_aws_host

_DEFEATING = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "ALL_PROXY",
    "all_proxy",
)


@dataclass(frozen=True)
class Access:
    """What a program needs to know to reach localstage. Paths are absolute."""

    url: str
    region: str
    access_key_id: str
    secret_access_key: str
    ca_bundle: str
    aws_config_file: str
    aws_credentials_file: str
    proxy_url: str = ""
    """The same address as a proxy; with a secret where the user's own proxy has a password. Empty: ``url``."""
    pages_url: str = ""
    """Where it serves a folder of pages, with a slash at the end; empty if it serves none."""


@dataclass(frozen=True)
class Changes:
    """What to set and what to take away."""

    settings: Mapping[str, str]
    removals: tuple[str, ...]

    def applied_to(self, base: Mapping[str, str]) -> dict[str, str]:
        """``base`` with the changes made; ``base`` itself stays."""
        kept = {name: value for name, value in base.items() if name not in self.removals}
        return {**kept, **self.settings}


def changes_for(access: Access, base: Mapping[str, str], as_aws: bool = False) -> Changes:
    """The changes to ``base`` that make programs reach localstage.

    With ``as_aws`` no ``AWS_ENDPOINT_URL`` is set: localstage stands in AWS's
    place through the proxy and the CA variables alone.
    """
    settings = {
        **proxy_settings(access.proxy_url or access.url, access.ca_bundle, base),
        "AWS_ACCESS_KEY_ID": access.access_key_id,
        "AWS_SECRET_ACCESS_KEY": access.secret_access_key,
        "AWS_REGION": access.region,
        "AWS_DEFAULT_REGION": access.region,
        "AWS_CONFIG_FILE": access.aws_config_file,
        "AWS_SHARED_CREDENTIALS_FILE": access.aws_credentials_file,
        "AWS_EC2_METADATA_DISABLED": "true",
        "LOCALSTAGE_URL": access.url,
    }
    if not as_aws:
        settings["AWS_ENDPOINT_URL"] = access.url
    if access.pages_url:
        settings["LOCALSTAGE_PAGES_URL"] = access.pages_url
    others = tuple(
        name
        for name in base
        if name not in settings  # another emulator's, or a place that is none
        and (name.startswith("AWS_ENDPOINT_URL") or name == "LOCALSTAGE_PAGES_URL")
    )
    removals = tuple(name for name in _DEFEATING if name in base) + others
    return Changes(settings, removals)


def proxy_settings(url: str, ca_bundle: str, base: Mapping[str, str]) -> dict[str, str]:
    """The variables that lead AWS's hosts to localstage and make its certificates trusted."""
    no_proxy = _no_proxy(base.get("NO_PROXY") or base.get("no_proxy") or "")
    bundles = (
        "AWS_CA_BUNDLE",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "WEBSOCKET_CLIENT_CA_BUNDLE",
    )
    return {
        "HTTPS_PROXY": url,
        "https_proxy": url,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "NODE_USE_ENV_PROXY": "1",
        **dict.fromkeys(bundles, ca_bundle),
    }


def _no_proxy(users: str) -> str:
    """The user's exceptions without those that would let a call to AWS go past localstage."""
    wanted = ["127.0.0.1", "localhost", "::1"]
    for entry in (part.strip() for part in users.split(",")):
        if entry and entry != "*" and entry not in wanted and not _covers_aws(entry):
            wanted.append(entry)
    return ",".join(wanted)


def _covers_aws(entry: str) -> bool:
    name = entry.lstrip("*").lstrip(".")
    # A top-level entry such as ".com" covers AWS's hosts as well.
    return is_aws_host(name) or "amazonaws.com".endswith("." + name) or name in ("com", "cn", "aws", "eu")
