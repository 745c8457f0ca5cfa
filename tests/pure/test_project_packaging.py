"""A template's local code as packages: what is packed, what is left alone, and what is refused in a sentence."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from pathlib import Path

import pytest

from localstage.project.deployment import stack_name_of
from localstage.project.packaging import CannotPackage, LocalCode, Packaged, package
from localstage.project.requirements import Requirements, wanted_beside_the_runtime
from localstage.project.watch import Watch

SAM = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {CodeUri: shared, Runtime: python3.13, Handler: app.handler}}
Resources:
  Own: {Type: AWS::Serverless::Function, Properties: {CodeUri: own/}}
  Shared: {Type: AWS::Serverless::Function}
  Inline: {Type: AWS::Serverless::Function, Properties: {InlineCode: 'x = 1'}}
  Packed: {Type: AWS::Serverless::Function, Properties: {CodeUri: s3://bucket/key}}
  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer}}
"""
PLAIN = """
Resources:
  One: {Type: AWS::Lambda::Function, Properties: {Code: one.py}}
  Zip: {Type: AWS::Lambda::Function, Properties: {Code: {ZipFile: 'x = 1'}}}
  Named: {Type: AWS::Lambda::Function, Properties: {Code: {S3Bucket: !Ref Bucket, S3Key: key}}}
  Inner: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: inner.yaml}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder with code for the templates."""
    for name in ("own/app.py", "own/pkg/part.py", "shared/app.py", "layer/python/lib.py", "one.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"NAME = {name!r}\n")
    for name in ("own/__pycache__/app.pyc", "own/.git/config", "own/.venv/pyvenv.cfg", "own/env/pyvenv.cfg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("not for a package")
    (tmp_path / "inner.yaml").write_text(SAM.replace("CodeUri: own/", "CodeUri: own"))
    return tmp_path


def packaged(folder: Path, text: str) -> Packaged:
    (folder / "template.yaml").write_text(text)
    return package(folder / "template.yaml", "bucket")


def names_in(content: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(content)).namelist()


def test_sam_template_when_packaged(folder: Path):
    """Functions and layers with local code are packed, by Globals too; inline and packed code stays."""
    found = packaged(folder, SAM)
    resources = json.loads(found.text)["Resources"]
    assert set(found.functions) == {"Own", "Shared"}
    assert names_in(found.functions["Own"]) == ["app.py", "pkg/part.py"]
    place = resources["Own"]["Properties"]["CodeUri"]
    assert place["Bucket"] == "bucket" and found.objects[place["Key"]] == found.functions["Own"]
    assert names_in(found.objects[resources["Layer"]["Properties"]["ContentUri"]["Key"]]) == ["python/lib.py"]
    assert resources["Packed"]["Properties"]["CodeUri"] == "s3://bucket/key"
    assert "CodeUri" not in resources["Inline"]["Properties"]
    assert set(found.watched) == {folder / name for name in ("template.yaml", "own", "shared", "layer")}


def test_plain_template_when_packaged(folder: Path):
    """A single file is a package of one; a nested stack's template is packaged with its own code."""
    found = packaged(folder, PLAIN)
    resources = json.loads(found.text)["Resources"]
    assert names_in(found.functions["One"]) == ["one.py"] and set(found.functions) == {"One"}
    assert set(resources["One"]["Properties"]["Code"]) == {"S3Bucket", "S3Key"}
    assert resources["Named"]["Properties"]["Code"] == {"S3Bucket": {"Ref": "Bucket"}, "S3Key": "key"}
    url = resources["Inner"]["Properties"]["TemplateURL"]
    inner = json.loads(found.objects[url.rpartition("/")[2]])
    assert inner["Resources"]["Own"]["Properties"]["CodeUri"]["Key"] in found.objects
    assert folder / "own" in found.watched


def test_template_when_it_names_no_local_code(folder: Path):
    """Such a template is sent as it is written."""
    text = "Resources:\n  Topic: {Type: AWS::SNS::Topic}  # as it is\n"
    found = packaged(folder, text)
    assert (found.text, dict(found.objects)) == (text, {})


def test_package_when_made_again(folder: Path):
    """The same files give the same bytes, whenever they were written; a changed file changes code but not the shape."""
    first = packaged(folder, SAM)
    os.utime(folder / "own" / "app.py", (1, 1))
    assert packaged(folder, SAM) == first
    (folder / "own" / "app.py").write_text("NAME = 'changed'\n")
    second = packaged(folder, SAM)
    assert second.shape == first.shape and second.text != first.text and second.code_alone
    (folder / "layer" / "python" / "lib.py").write_text("NAME = 'changed'\n")
    assert packaged(folder, SAM).shape != first.shape


def test_code_when_a_version_is_made_of_it(folder: Path):
    """Where an alias is published, code is not changed past the stack."""
    assert not packaged(folder, SAM.replace("CodeUri: own/", "CodeUri: own/, AutoPublishAlias: live")).code_alone


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SAM.replace("own/", "gone/"), "Own: CodeUri names .*gone, which does not exist; a path is relative"),
        (PLAIN.replace("inner.yaml", "gone.yaml"), "Inner: TemplateURL names .*gone.yaml, which does not exist"),
        ("Resources: [", r"template.yaml: Template format error: YAML not well-formed. \(line 1"),
        ("{}", "At least one Resources member must be defined"),
    ],
)
def test_package_when_something_is_wrong(folder: Path, text: str, sentence: str):
    """What cannot be packaged is one sentence that names it."""
    with pytest.raises(CannotPackage, match=sentence):
        packaged(folder, text)


ONE = "Resources: {One: {Type: AWS::Serverless::Function, Properties: {CodeUri: own}}}\n"


def refused(folder: Path, text: str = ONE) -> str:
    """The sentence with which a project is not packaged."""
    with pytest.raises(CannotPackage) as error:
        packaged(folder, text)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are POSIX's")
def test_package_when_links_go_round_in_circles(folder: Path):
    """A link to a folder above it is left out, and two folders that link to each other end; other links are followed."""
    (folder / "own" / "self").symlink_to(".")
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    (folder / "a" / "b").symlink_to("../b")
    (folder / "b" / "a").symlink_to("../a")
    (folder / "b" / "part.py").write_text("x = 1\n")
    (folder / "own" / "linked").symlink_to("../a")
    (folder / "own" / "again").symlink_to("../a")
    made = packaged(folder, ONE)
    assert set(names_in(made.functions["One"])) == {"app.py", "pkg/part.py", "linked/b/part.py", "again/b/part.py"}


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are POSIX's")
def test_package_when_links_make_too_many_folders(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Thirty folders with two links to the next one each would be a thousand million; it is refused."""
    monkeypatch.setattr("localstage.project.packaging._MOST_FILES", 1000)
    for number in range(30):
        (folder / "own" / f".{number}").mkdir()
        for name in ("left", "right"):
            (folder / "own" / f".{number}" / name).symlink_to(f"../.{number + 1}")
    (folder / "own" / "bomb").symlink_to(".0")
    assert "more files, or links to folders, than a package can" in refused(folder)


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are POSIX's")
def test_package_when_a_file_does_not_end(folder: Path):
    """Devices and pipes are refused by name before they are read, and so is what no function can have."""
    odd = folder / "own" / "odd"
    odd.symlink_to("/dev/zero")
    assert "odd is no file but a device" in refused(folder)
    odd.unlink()
    os.mkfifo(odd)
    assert "odd is no file but a device" in refused(folder)
    odd.unlink()
    with odd.open("wb") as file:
        file.truncate(262_144_001)
    assert "more than 262,144,000 bytes" in refused(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no file has such a name")
def test_package_when_names_and_files_are_no_text(folder: Path):
    """A name that is no UTF-8, and requirements in UTF-16, are each one sentence."""
    code = LocalCode("One", "AWS::Serverless::Function", folder / "own")
    (folder / "own" / "requirements.txt").write_bytes("requests\n".encode("utf-16"))
    with pytest.raises(CannotPackage, match="is no text in UTF-8"):
        Requirements(cache=folder / "cache").build(code)
    with open(os.fsencode(folder / "own") + b"/\xff.py", "wb"):
        assert "is no UTF-8" in refused(folder)


def test_template_when_it_nests_itself(folder: Path):
    """A template that is its own nested stack, and two that nest each other, are refused."""
    nested = "Resources: {Inner: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: NAME}}}\n"
    assert "is the template itself, or one that nests it" in refused(folder, nested.replace("NAME", "template.yaml"))
    (folder / "inner.yaml").write_text(nested.replace("NAME", "./template.yaml"))
    assert "is the template itself, or one that nests it" in refused(folder, nested.replace("NAME", "inner.yaml"))


def test_requirements_when_the_runtime_has_them():
    """Only what Lambda's own Python lacks is installed."""
    assert wanted_beside_the_runtime("boto3>=1.20\nBotocore\n# words\nPyJWT[crypto]==2.9  # why\n\n-r more.txt\n") == [
        "PyJWT[crypto]==2.9",
        "-r more.txt",
    ]


@pytest.mark.parametrize(
    ("name", "expected"), [("my chat_2", "my-chat-2"), ("2024", "stack-2024"), ("...", "stack"), ("chat", "chat")]
)
def test_stack_name_when_none_is_given(tmp_path: Path, name: str, expected: str):
    """It is the folder's name in the letters that CloudFormation allows."""
    assert stack_name_of(tmp_path / name / "template.yaml") == expected


def test_watch_when_files_change(folder: Path):
    """A change is seen once, when two looks saw the same; a hidden file is no change, a file that goes is one."""
    paths = [folder / "own"]
    watch = Watch(paths)
    assert not watch.changed(paths)
    (folder / "own" / "new.py").write_text("x = 1")
    (folder / "own" / ".git" / "config").write_text("other")
    assert [watch.changed(paths) for _ in range(3)] == [False, True, False]
    (folder / "own" / ".git" / "config").write_text("something else")
    assert [watch.changed(paths) for _ in range(2)] == [False, False]
    (folder / "own" / "new.py").unlink()
    assert [watch.changed(paths) for _ in range(2)] == [False, True]
