"""AWS's managed policies, 1,500 in moto's 4.7 MB of text: an account has them when it asks, and reads one when it is used."""

from __future__ import annotations

import json
import sys
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

from moto.iam.models import AWSManagedPolicy

PARTITION = "aws"
_DATA = "moto.iam.aws_managed_policies"
_PATH = '\n  "Path":'
_T = TypeVar("_T")


class LateManagedPolicy(AWSManagedPolicy):
    """A policy in one account, which may attach and tag it and give it versions, unseen by the others.

    It has its name and its path; anything else that is asked of it makes it whole.
    """

    def __init__(self, name: str, path: str, account_id: str) -> None:
        self.name, self.path, self.account_id, self.partition = name, path, account_id, PARTITION

    def __getattr__(self, attribute: str) -> Any:
        """Called for what is not there yet."""
        if attribute.startswith("__") or "versions" in self.__dict__:
            raise AttributeError(attribute)
        whole = _whole(self.name)
        own = {**whole.__dict__, "tags": dict(whole.tags), "versions": [_twin(version) for version in whole.versions]}
        self.__dict__ = {**own, **self.__dict__}
        return getattr(self, attribute)


def policies_of(account_id: str) -> list[LateManagedPolicy]:
    """All of them for one account, in moto's order."""
    return [LateManagedPolicy(name, path, account_id) for name, (path, _) in _texts().items()]


@cache
def _whole(name: str) -> AWSManagedPolicy:
    """A policy as moto has it, read once in a process and never changed."""
    return AWSManagedPolicy.from_data(name, PARTITION, PARTITION, json.loads(_texts()[name][1]))


@cache
def _texts() -> dict[str, tuple[str, str]]:
    """The path and the JSON of each policy by its name.

    moto's text is cut where a member ends, which takes a hundredth of the time of reading it.
    """
    text = import_module(_DATA).aws_managed_policies_data.strip()
    del sys.modules[_DATA]  # What has been cut out of it is enough.
    found = {}
    for member in text.removeprefix('{\n "').removesuffix("\n }\n}").split('\n },\n "'):
        name, _, rest = member.partition('":')
        path = rest[rest.rindex(_PATH) + len(_PATH) :].partition("\n")[0]
        found[name] = json.loads(path.removesuffix(",")), rest + "}"
    return found


def _twin(one: _T) -> _T:
    """The same again."""
    other = object.__new__(type(one))
    other.__dict__.update(one.__dict__)
    return other
