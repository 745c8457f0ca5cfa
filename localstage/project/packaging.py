"""What ``aws cloudformation package`` does: the local code that a template names becomes packages in a bucket.

Lives here: which properties may name local files, and how a folder becomes a
zip. A zip is the same bytes for the same files, and its key is their hash, so
that a stack changes exactly when code does. Uploads nothing by itself.

AWS: AWS CLI reference, ``cloudformation package``. Done here are functions,
layers and nested stacks; a function without a path has the template's folder.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localstage.functions.package import UNZIPPED_LIMIT_BYTES
from localstage.stacks.errors import ValidationError
from localstage.stacks.template import SERVERLESS, read_template

_FUNCTIONS = {"AWS::Lambda::Function": "Code", "AWS::Serverless::Function": "CodeUri"}
_LAYERS = {"AWS::Lambda::LayerVersion": "Content", "AWS::Serverless::LayerVersion": "ContentUri"}
_PLACES = {"AWS::Lambda": ("S3Bucket", "S3Key"), "AWS::Serverless": ("Bucket", "Key")}
_MOST_FILES = 200_000
_OLDEST_DATE = (1980, 1, 1, 0, 0, 0)


class CannotPackage(Exception):
    """The template or the code that it names cannot be packaged; the text is one sentence."""


@dataclass(frozen=True)
class LocalCode:
    """A function's or a layer's code on this machine. ``path`` is a folder or a file."""

    logical_id: str
    resource_type: str
    path: Path
    runtime: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The resource's ``Metadata``, which tells ``sam build`` how to build it."""

    @property
    def is_function(self) -> bool:
        return self.resource_type in _FUNCTIONS


@dataclass(frozen=True)
class Built:
    """A folder whose files go into the package besides the code's own, or ``alone``."""

    folder: Path | None
    alone: bool = False
    below: str = ""
    """The folder of the package that all of it goes into; "" is the package itself."""


def installed_once(cache: Path, key: str, install: Callable[[Path], None]) -> Path:
    """The cache's folder with this key, which ``install`` fills the first time; half filled it is never seen.

    Raises what ``install`` raises, and OSError.
    """
    folder = cache / key
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=cache))
        try:
            install(draft)
            os.replace(draft, folder)
        except OSError:
            if not folder.is_dir():  # Else another deployment has been quicker.
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return folder


Build = Callable[[LocalCode], Built | None]
"""Gives what is built of the code, None where it goes as it is. Raises CannotPackage."""


@dataclass(frozen=True)
class Packaged:
    """A template as CloudFormation is given it, and what must lie in the bucket before."""

    text: str
    objects: Mapping[str, bytes]
    """Packages and nested templates by their keys."""
    functions: Mapping[str, bytes]
    """The packages of the functions of this template itself, by logical id."""
    watched: tuple[Path, ...]
    """The files and folders that it was made from."""
    shape: str
    """The template without its functions' packages: as long as it stays, only code has changed."""
    code_alone: bool
    """Whether a function's code may change without the stack: no version or alias is made of it."""


def package(
    template: Path, bucket: str, build: Build = lambda code: None, above: frozenset[Path] = frozenset()
) -> Packaged:
    """Package a template's local code for a bucket; ``above`` are those that it is nested in. Raises CannotPackage."""
    above |= {template.resolve()}
    try:
        text = template.read_text("utf-8")
        body = read_template(text).body
    except OSError as error:
        raise CannotPackage(f"{template} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    except UnicodeDecodeError:
        raise CannotPackage(f"{template} is no text in UTF-8.") from None
    except ValidationError as error:
        raise CannotPackage(f"{template}: {error.message}") from None
    body = copy.deepcopy(body)  # YAML's aliases are the same object in several places.
    made = _Package(bucket, build)
    found = list(local_code(body, template.parent))
    for code in found:
        if not code.is_function:
            made.put(body, code)
    for properties, path in _nested(body, template.parent):
        if path.resolve() in above:
            raise CannotPackage(f"{template}: the TemplateURL {path} is the template itself, or one that nests it.")
        made.put_template(properties, package(path, bucket, build, above))
    shape = json.dumps(body)
    functions = {code.logical_id: made.put(body, code) for code in found if code.is_function}
    watched = tuple(dict.fromkeys([template, *made.watched]))
    return Packaged(
        json.dumps(body) if made.watched else text, made.objects, functions, watched, shape, _code_alone(body)
    )


class _Package:
    """What has been packaged so far: the bucket's objects, and where they came from."""

    def __init__(self, bucket: str, build: Build):
        self._bucket = bucket
        self._build = build
        self.objects: dict[str, bytes] = {}
        self.watched: list[Path] = []

    def put(self, body: dict[str, Any], code: LocalCode) -> bytes:
        """Packages local code and names the package in the template's body; returns the package."""
        content = _content_of(code, self._build)
        key = f"{hashlib.sha256(content).hexdigest()[:32]}.zip"
        self.objects[key] = content
        self.watched.append(code.path)
        properties = body["Resources"][code.logical_id].setdefault("Properties", {})
        names = _PLACES[code.resource_type.rpartition("::")[0]]
        properties[_property_of(code.resource_type)] = dict(zip(names, (self._bucket, key), strict=True))
        return content

    def put_template(self, properties: dict[str, Any], inner: Packaged) -> None:
        """Names a nested stack's packaged template in the stack's properties."""
        key = f"{hashlib.sha256(inner.text.encode()).hexdigest()[:32]}.template"
        self.objects |= {**inner.objects, key: inner.text.encode()}
        self.watched += inner.watched
        properties["TemplateURL"] = f"https://{self._bucket}.s3.amazonaws.com/{key}"


def local_code(body: Mapping[str, Any], folder: Path) -> Iterator[LocalCode]:
    """The local code of a template's functions and layers; ``folder`` is the template's. Raises CannotPackage."""
    for logical_id, resource in body.get("Resources", {}).items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind not in _FUNCTIONS and kind not in _LAYERS:
            continue
        if "InlineCode" in properties or properties.get("PackageType") == "Image":
            continue
        given = properties.get(_property_of(kind))
        common = _dict(_dict(body.get("Globals")).get("Function")) if kind == "AWS::Serverless::Function" else {}
        if given is None:
            given = common.get("CodeUri")
        if isinstance(given, dict) or (isinstance(given, str) and given.startswith(("s3://", "https://", "http://"))):
            continue
        if given is None and kind in _LAYERS:
            continue  # CloudFormation says what is missing.
        path = folder / str(given if given is not None else ".")
        if not path.exists():
            raise CannotPackage(
                f"{logical_id}: {_property_of(kind)} names {path}, which does not exist; "
                "a path is relative to the template's folder."
            )
        runtime = properties.get("Runtime", common.get("Runtime"))
        yield LocalCode(logical_id, kind, path, str(runtime or ""), _dict(resource.get("Metadata")))


def zip_of(files: Mapping[str, bytes], executable: frozenset[str] = frozenset()) -> bytes:
    """A zip of files by name, the same bytes for the same files on every machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _OLDEST_DATE)
            entry.external_attr = (0o755 if name in executable else 0o644) << 16
            entry.create_system = 3  # Unix, on Windows too
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def files_below(folder: Path) -> Iterator[Path]:
    """The files of a folder that belong into a package. Raises CannotPackage for far too many.

    Left out are caches, hidden folders (``.git``, ``.aws-sam``) and virtual
    environments, which ``aws cloudformation package`` would take along, and
    links to a folder above themselves, by which it would never end.
    """
    yield from _walk(folder, frozenset(), iter(range(_MOST_FILES)))


def _walk(folder: Path, above: frozenset[tuple[int, int]], left: Iterator[int]) -> Iterator[Path]:
    try:
        facts = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # Gone meanwhile, or not to be read.
        return
    here = (facts.st_dev, facts.st_ino)
    if here in above:
        return
    for entry in entries:
        if next(left, None) is None:
            raise CannotPackage(
                f"{folder} has more files, or links to folders, than a package can: over {_MOST_FILES:,}."
            )
        path = Path(entry.path)
        if not entry.is_dir():
            yield from [path] if path.suffix != ".pyc" else []
        elif not entry.name.startswith(".") and entry.name != "__pycache__" and not (path / "pyvenv.cfg").exists():
            yield from _walk(path, above | {here}, left)


def _content_of(code: LocalCode, build: Build) -> bytes:
    path = code.path
    try:
        if path.suffix in (".zip", ".jar") and path.is_file():
            return _read(code, [path])[path]
        if path.is_file():
            return zip_of({path.name: _read(code, [path])[path]})
        built = build(code)
        found = {
            (Path(built.below if built else "") / file.relative_to(folder)).as_posix(): file
            for folder in _folders(path, built)
            for file in files_below(folder)
        }
        if not found:
            raise CannotPackage(f"{code.logical_id}: the folder {path} has no files.")
        # Windows calls every file executable.
        executable = frozenset(name for name, file in found.items() if os.name == "posix" and os.access(file, os.X_OK))
        contents = _read(code, found.values())
        return zip_of({name: contents[file] for name, file in found.items()}, executable)
    except OSError as error:
        raise CannotPackage(f"{code.logical_id}: {error.filename or path} cannot be read: {error.strerror}.") from None
    except UnicodeEncodeError as error:
        raise CannotPackage(f"{code.logical_id}: the file name {error.object!r} is no UTF-8.") from None


def _read(code: LocalCode, files: Iterable[Path]) -> dict[Path, bytes]:
    """The files' contents. A device or a pipe would not end, and what no function can have is not read. Raises OSError."""
    contents: dict[Path, bytes] = {}
    left = UNZIPPED_LIMIT_BYTES
    for file in files:
        facts = file.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise CannotPackage(f"{code.logical_id}: {file} is no file but a device, a pipe or a socket.")
        left -= facts.st_size
        if left < 0:  # AWS: Lambda quotas; its sentence is said of a zip that has been uploaded.
            raise CannotPackage(
                f"{code.logical_id}: with {file} the package has more than {UNZIPPED_LIMIT_BYTES:,} bytes, "
                "and Lambda takes none that is larger."
            )
        contents[file] = file.read_bytes()
    return contents


def _folders(path: Path, built: Built | None) -> tuple[Path, ...]:
    """The folders of a package; of equal names the later one's file counts."""
    if built is None or built.folder is None:
        return (path,)
    return (built.folder,) if built.alone else (built.folder, path)


def _nested(body: Mapping[str, Any], folder: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """The properties of the nested stacks whose templates are local, with the templates' paths."""
    for logical_id, resource in body.get("Resources", {}).items():
        properties = resource.get("Properties", {})
        url = properties.get("TemplateURL") if resource["Type"] == "AWS::CloudFormation::Stack" else None
        if isinstance(url, str) and not url.startswith(("https://", "http://", "s3://")):
            if not (folder / url).is_file():
                raise CannotPackage(f"{logical_id}: TemplateURL names {folder / url}, which does not exist.")
            yield properties, folder / url


def _code_alone(body: Mapping[str, Any]) -> bool:
    resources = body.get("Resources", {}).values()
    fixed = {"AWS::Lambda::Version", "AWS::Lambda::Alias"}
    sam = [_dict(_dict(body.get("Globals")).get("Function"))] if SERVERLESS in str(body.get("Transform")) else []
    return not any(resource["Type"] in fixed for resource in resources) and not any(
        "AutoPublishAlias" in properties for properties in [*sam, *(one.get("Properties", {}) for one in resources)]
    )


def _property_of(resource_type: str) -> str:
    return {**_FUNCTIONS, **_LAYERS}[resource_type]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
