"""AWS's service models and regions, read once for all who ask: the door, moto, and the clients of stacks.

botocore ships them as files of half a megabyte for each service. moto would read each twice, in
two forms, and a client once more; here one copy serves all of them, without its prose, which is half
of it. Measured with the six services of a chat: 45 MB less, and 0.2 s of processor time of a first stack.
"""

from __future__ import annotations

import gc
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from localstage.door import seams
from localstage.functions.endpoints import read_endpoints

if TYPE_CHECKING:
    from botocore.session import Session

# Nothing that the machine's user has configured may matter here.
_NOTHING_CONFIGURED = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
_PROSE = re.compile(rb'"documentation":\s*"[^"\\]*(?:\\.[^"\\]*)*"')
_IN_EACH_FOLDER = ("service-2", "endpoint-rule-set-1")


@cache
def session() -> Session:
    """A botocore session that reads nobody's configuration, and each model once."""
    import botocore.session

    made = botocore.session.Session(session_vars=_NOTHING_CONFIGURED)
    made.register_component("data_loader", _loader())
    return made


def share() -> None:
    """Makes moto take models and regions from here."""
    seams.replace("moto.core.base_backend:Session", session)
    seams.replace("moto.core.utils:Session", session)
    seams.replace("moto.core.utils:create_loader", _moto_loader)
    import boto3

    # moto's EC2 asks three new sessions of boto3's, each of which would read everything anew: 0.4 s in all.
    setattr(boto3.Session, "get_available_regions", _regions)  # noqa: B010


def _regions(_: Any, *service: Any, **options: Any) -> list[str]:
    return list(session().get_available_regions(*service, **options))


@contextmanager
def loaded_for_good() -> Iterator[None]:
    """What is loaded within lives as long as the process: no collection looks through it, then or later."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:  # Else who has disabled it freezes all in the end.
            gc.freeze()
            gc.enable()


@cache
def _loader() -> Any:
    from botocore.loaders import Loader

    class SharedLoader(Loader):
        """botocore's loader of its own models, with a list of services that looks up 440 folders less."""

        def list_available_services(self, type_name: str) -> list[str]:
            if type_name in _IN_EACH_FOLDER:
                return _folders(self.BUILTIN_DATA_PATH)
            return list(super().list_available_services(type_name))

    return SharedLoader([Loader.BUILTIN_DATA_PATH], _files(), include_default_search_paths=False)


@cache
def _moto_loader() -> Any:
    """moto's loader, which adds to a few models what moto needs; all others are the shared ones."""
    from moto.core.loaders import Loader, moto_root

    class MotoLoader(Loader):
        """One for all services. Raises what botocore's does."""

        def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
            shared = _loader().load_service_model(service_name, type_name, api_version)
            version = api_version or _loader().determine_latest_version(service_name, type_name)
            extras = list(self._find_extras(service_name, type_name, version))
            return super().load_service_model(service_name, type_name, api_version) if extras else shared

        def list_available_services(self, type_name: str) -> list[str]:
            return list(_loader().list_available_services(type_name))

    return MotoLoader([moto_root, Loader.BUILTIN_DATA_PATH], _files(), include_default_search_paths=False)


@cache
def _files() -> Any:
    from botocore.loaders import JSONFileLoader

    class Files(JSONFileLoader):
        """Reads a file as plain dictionaries, without what explains it to people."""

        def _load_file(self, full_path: str, open_method: Callable[..., Any]) -> Any:
            if not os.path.isfile(full_path):
                return None
            if os.path.basename(full_path) == "endpoints.json":
                return read_endpoints(full_path)
            with loaded_for_good(), open_method(full_path, "rb") as file:
                # Cut before it is read: what is freed afterwards between what stays is of little use to anybody.
                return without_prose(json.loads(_PROSE.sub(b'"documentation":""', file.read())))

    return Files()


@cache
def _folders(path: str) -> list[str]:
    return sorted(entry.name for entry in os.scandir(path) if entry.is_dir())


def without_prose(model: dict[str, Any]) -> dict[str, Any]:
    """The same model of a service, whose operations, shapes and members explain nothing; other files as they are."""
    for operation in model.get("operations", {}).values():
        operation.pop("documentation", None)
    for shape in model.get("shapes", {}).values():
        shape.pop("documentation", None)
        for member in shape.get("members", {}).values():
            member.pop("documentation", None)
    return model
