"""What a policy is asked about: who calls, and the context that its conditions and variables may ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType

Value = str | Sequence[str] | Callable[[], Sequence[str]]
"""One value, several, or what gives them when a policy asks."""
Keys = Mapping[str, Value] | Callable[[], Mapping[str, Value]]
"""Condition keys with their values, or what gives them when a policy asks."""
Tags = Callable[[], Mapping[str, str]]
ALWAYS: Mapping[str, Value] = MappingProxyType({"aws:SecureTransport": "true", "aws:ViaAWSService": "false"})
"""Keys that every call has: calls to the loopback address count as made over TLS, since nothing leaves the machine."""
_RESOURCE_TAG = "aws:resourcetag/"


@dataclass(frozen=True)
class Principal:
    """Who calls. Of a role session, ``entity_arn`` is the role's ARN; of a user, the user's own."""

    arn: str
    entity_arn: str
    account_id: str
    service: str = ""
    """A service that calls on its own, such as ``apigateway.amazonaws.com``; ARNs are then empty."""

    @property
    def is_role_session(self) -> bool:
        """Whether it acts with a role's temporary credentials."""
        return ":assumed-role/" in self.arn


def keys_of_request(
    now_ms: int, *, source_ip: str | None = None, user_agent: str | None = None, referer: str | None = None
) -> dict[str, Value]:
    """The keys that a request has whoever makes it; what is not known of it has none.

    AWS: IAM user guide, "AWS global condition context keys". ``now_ms`` counts from 1970.
    """
    client = {"aws:SourceIp": source_ip, "aws:UserAgent": user_agent, "aws:Referer": referer}
    return {**_keys_of_time(now_ms // 1000), **{key: value for key, value in client.items() if value}}


@lru_cache(maxsize=4)
def _keys_of_time(second: int) -> Mapping[str, Value]:
    """The keys that every call of one second has."""
    now = datetime.fromtimestamp(second, UTC)
    return {**ALWAYS, "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "aws:EpochTime": str(second)}


class RequestContext:
    """Condition keys, in any case of letters, and their values. They are read when a policy asks, and stay so."""

    def __init__(self, *layers: Keys, resource_tags: Tags | None = None):
        """``resource_tags`` gives the tags of the resource, if a policy asks for one."""
        self._layers = layers
        self._tags = resource_tags
        self._values: dict[str, Value] | None = None

    @property
    def was_asked(self) -> bool:
        """Whether a policy has asked for a key, here or in a context that was made of this one."""
        return self._values is not None

    def with_keys(self, more: Mapping[str, Value]) -> RequestContext:
        """This context and more keys."""
        return RequestContext(self._read, more, resource_tags=self._tags) if more else self

    def about(self, resource_tags: Tags) -> RequestContext:
        """This context, of a request about a resource with these tags."""
        return RequestContext(self._read, resource_tags=resource_tags)

    def values(self, key: str) -> Sequence[str]:
        """The key's values, none if the request has no such key; ``key`` in lower case."""
        known = self._read()
        if key.startswith(_RESOURCE_TAG) and self._tags is not None:
            wanted = key[len(_RESOURCE_TAG) :]
            return tuple(tag for name, tag in self._tags().items() if name.lower() == wanted)
        value = known.get(key, ())
        if callable(value):
            value = value()
        return (value,) if isinstance(value, str) else value

    def single(self, key: str) -> str | None:
        """The value of a key that has exactly one, as policy variables need it."""
        values = self.values(key)
        return values[0] if len(values) == 1 else None

    def _read(self) -> Mapping[str, Value]:
        if self._values is None:
            layers = (layer() if callable(layer) else layer for layer in self._layers)
            self._values = {key.lower(): value for layer in layers for key, value in layer.items()}
        return self._values
