"""Deployment packages: zips that hold what one function needs, and nothing else.

A package is the same bytes for the same sources on every machine, and its key in
the learner's bucket is a hash of them, so that a stack changes exactly when code
does. This file knows no particular handler.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import ClientError

from classroom.account.account import Account

HANDLERS = Path(__file__).resolve().parents[2] / "handlers"
_ENTRY_POINT = "\ndef lambda_handler("
_OLDEST_DATE = (1980, 1, 1, 0, 0, 0)


def package_of(files: Mapping[str, str]) -> bytes:
    """A zip of files by name, byte for byte reproducible."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _OLDEST_DATE)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # Unix, on Windows too
            package.writestr(entry, files[name].replace("\r\n", "\n"), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def sources_of(handler: str, folder: Path = HANDLERS) -> dict[str, str]:
    """A handler's file and the files of its folder that it imports, directly or not, by name."""
    found: dict[str, str] = {}
    wanted = [f"{handler}.py"]
    while wanted:
        name = wanted.pop()
        path = folder / name
        if name not in found and path.is_file():
            found[name] = path.read_text("utf-8")
            wanted += [f"{module}.py" for module in imports_of(found[name])]
    return found


def imports_of(source: str) -> set[str]:
    """The first names of the modules that a source imports; none if Python cannot read it."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return set()
    found = {alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return found | {(node.module or "").partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}


def functions(folder: Path = HANDLERS) -> tuple[str, ...]:
    """The functions of a folder: the names of its files that have an entry point."""
    return tuple(sorted(path.stem for path in folder.glob("*.py") if _ENTRY_POINT in path.read_text("utf-8")))


def unpack_functions(folder: Path) -> tuple[str, ...]:
    """Fill ``folder`` with a folder for each of the course's functions, of what its package holds; their names.

    SAM packs a function's ``CodeUri`` as a whole, so each of ``template.yaml`` has a folder of its own. What was there
    of an earlier time is replaced.
    """
    for name in functions():
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
        for file, text in sources_of(name).items():
            (folder / name / file).write_text(text, "utf-8")
    return functions()


def upload_functions(account: Account, own: Mapping[str, str] | None = None) -> str:
    """Upload a package for each of the course's functions, ``connect.zip`` and so on; what their keys begin with.

    A file of ``own`` takes the place of the course's of that name. The keys contain a hash of them all:
    when one of them changes, the functions of a stack are updated together.
    """
    ensure_bucket(account)
    sources = {name: sources_of(name) for name in functions()}
    made = {
        name: package_of({file: (own or {}).get(file, text) for file, text in files.items()})
        for name, files in sources.items()
    }
    begin = f"handlers/{hashlib.sha256(b''.join(made.values())).hexdigest()[:16]}"
    for name, package in made.items():
        account.client("s3").put_object(Bucket=account.bucket, Key=f"{begin}/{name}.zip", Body=package)
    return begin


def upload(account: Account, package: bytes) -> str:
    """Upload a package to the learner's bucket, which is made if it is missing; its key, which contains its hash."""
    ensure_bucket(account)
    key = f"handlers/{hashlib.sha256(package).hexdigest()[:16]}.zip"
    account.client("s3").put_object(Bucket=account.bucket, Key=key, Body=package)
    return key


def code_hash(package: bytes) -> str:
    """What Lambda calls a function's ``CodeSha256``."""
    return base64.b64encode(hashlib.sha256(package).digest()).decode()


def ensure_bucket(account: Account) -> None:
    """Make the learner's bucket if it is missing: private, as buckets are by default, and tagged."""
    s3 = account.client("s3")
    try:
        s3.head_bucket(Bucket=account.bucket)
        return
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
    region = account.target.region
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=account.bucket, **place)
    s3.put_bucket_tagging(Bucket=account.bucket, Tagging={"TagSet": account.tag_list})
