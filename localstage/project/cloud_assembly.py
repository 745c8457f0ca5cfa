"""What ``cdk synth`` leaves in cdk.out beside a template: its assets, and what ``cdk bootstrap`` would have made for them.

AWS: CDK developer guide, Bootstrapping and Assets. The names that assets have in
their bucket stand in the file that the template's own name begins; the template
names them already, so nothing of it is changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localstage.project.packaging import CannotPackage, zip_of

SUFFIX = ".template.json"
BOOTSTRAP_VERSION = "100"
"""Newer than any template asks for."""


@dataclass(frozen=True)
class CloudAssembly:
    """The assets of one synthesised stack."""

    assets: Mapping[tuple[str, str], Path]
    """Files and folders by bucket and key; folders become zips."""
    version_parameter: str = ""
    """The SSM parameter with the bootstrap's version, if the template looks at one."""

    def objects(self) -> Iterator[tuple[str, str, bytes]]:
        """Bucket, key and content of each asset. Raises CannotPackage."""
        for (bucket, key), path in self.assets.items():
            try:
                yield bucket, key, _zipped(path) if path.is_dir() else path.read_bytes()
            except OSError as error:
                raise CannotPackage(f"The asset {path} cannot be read: {error.strerror}.") from None


def stack_name_in(template: Path) -> str | None:
    """The name that the CDK has given a stack; None where it has not written the template. Raises CannotPackage."""
    if _assets_of(template) is None:
        return None
    name, manifest = template.name.removesuffix(SUFFIX), template.with_name("manifest.json")
    artifacts = _read(manifest).get("artifacts", {}) if manifest.is_file() else {}
    return artifacts.get(name, {}).get("properties", {}).get("stackName", name)


def read_cloud_assembly(template: Path, account_id: str, region: str) -> CloudAssembly | None:
    """The assembly that a template belongs to; None where the CDK has not written it. Raises CannotPackage."""
    file = _assets_of(template)
    if file is None:
        return None
    listed = _read(file)
    if listed.get("dockerImages"):
        raise CannotPackage(f"{file} has a container image; localstage does not run functions from one.")
    assets: dict[tuple[str, str], Path] = {}
    for asset in listed.get("files", {}).values():
        source = asset["source"]
        if "path" not in source:
            raise CannotPackage(f"{file} has an asset that a command makes; localstage takes files and folders only.")
        for place in asset["destinations"].values():
            bucket, key = (_named(place[part], account_id, region) for part in ("bucketName", "objectKey"))
            assets[bucket, key] = template.parent / source["path"]
    parameter = _read(template).get("Parameters", {}).get("BootstrapVersion", {}).get("Default", "")
    return CloudAssembly(assets, parameter)


def _assets_of(template: Path) -> Path | None:
    """The file beside a template that lists its assets."""
    file = template.with_name(f"{template.name.removesuffix(SUFFIX)}.assets.json")
    return file if template.name.endswith(SUFFIX) and file.is_file() else None


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CannotPackage(f"{file} cannot be read: {error}.") from None
    return found if isinstance(found, dict) else {}


def _named(text: str, account_id: str, region: str) -> str:
    """A name with the pseudo parameters that the CDK leaves in it."""
    for parameter, value in (("AccountId", account_id), ("Region", region), ("Partition", "aws")):
        text = text.replace(f"${{AWS::{parameter}}}", value)
    return text


def _zipped(folder: Path) -> bytes:
    files = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return zip_of(files)
