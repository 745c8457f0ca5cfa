"""What is done to a serverless function's code before it is packaged: npm for Node.js, esbuild, and what is refused."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from localstage.project import building
from localstage.project.building import Building, esbuild_of
from localstage.project.npm import Dependencies, NpmFailed, install_sdk
from localstage.project.packaging import CannotPackage, LocalCode, package

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="it needs npm on the path")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A function's folder, with a local package beside it."""
    (tmp_path / "code").mkdir()
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "package.json").write_text('{"name": "shared", "version": "1.0.0"}')
    (tmp_path / "shared" / "index.js").write_text("exports.word = 'hello'")
    (tmp_path / "code" / "app.js").write_text("exports.handler = async () => require('shared').word")
    return tmp_path / "code"


@pytest.fixture
def code(folder: Path) -> Callable[..., LocalCode]:
    """A callable that gives the folder as a serverless function's code, with this package.json."""

    def make(wanted: Mapping[str, Any] | None = None, **metadata: Any) -> LocalCode:
        if wanted is not None:
            (folder / "package.json").write_text(json.dumps(wanted))
        return LocalCode("Chat", "AWS::Serverless::Function", folder, "nodejs20.x", metadata)

    return make


@needs_npm
def test_dependencies_when_npm_installs_them(code, folder: Path, tmp_path: Path, monkeypatch):
    """What package.json names is installed once beside the code, which stays as it is; a change is installed anew."""
    said: list[str] = []
    dependencies = Dependencies(said.append, tmp_path / "cache", tmp_path / "sdk")
    wanted = {"dependencies": {"shared": "file:../shared"}, "devDependencies": {"nowhere-to-be-found": "1"}}
    built = dependencies.build(code(wanted))
    assert built is not None and [path.name for path in built.folder.iterdir()] == ["node_modules"]
    assert (built.folder / "node_modules" / "shared" / "index.js").read_text() == "exports.word = 'hello'"
    assert not (built.folder / "node_modules" / "shared").is_symlink()
    assert dependencies.build(code(wanted)) == built and len(said) == 1
    assert said[0].endswith("package.json names: shared") and sorted(path.name for path in folder.iterdir()) == [
        "app.js",
        "package.json",
    ]
    with pytest.raises(CannotPackage, match=r"package.json: npm install failed: .*gone.tgz"):
        dependencies.build(code({"dependencies": {"gone": "file:../gone.tgz"}}))
    (tmp_path / "shared" / "index.js").write_text("exports.word = 'bye'")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CannotPackage, match="npm is not on the path"):
        dependencies.build(code(wanted))  # What was installed is another package's by now.
    assert list((tmp_path / "cache").iterdir()) == [built.folder]


def test_dependencies_when_npm_has_nothing_to_do(code, folder: Path, tmp_path: Path, monkeypatch):
    """Without dependencies, with those of the SDK's folder alone, or with node_modules, npm is not asked."""
    monkeypatch.setenv("PATH", "")
    client = "@aws-sdk/client-dynamodb"
    (tmp_path / "sdk" / "node_modules" / client).mkdir(parents=True)
    dependencies = Dependencies(cache=tmp_path / "cache", sdk=tmp_path / "sdk")
    assert dependencies.build(code()) is None
    assert dependencies.build(code({"devDependencies": {"aws-sdk": "^2"}})) is None
    assert dependencies.build(code({"dependencies": {client: "^3"}})) is None
    more = {"dependencies": {client: "^3", "@aws-sdk/client-polly": "^3"}}
    with pytest.raises(CannotPackage, match=r"package.json: npm is not on the path; it comes with Node.js\."):
        dependencies.build(code(more))
    (folder / "node_modules").mkdir()
    assert dependencies.build(code(more)) is None
    (folder / "node_modules").rmdir()
    (folder / "package.json").write_text("{")
    with pytest.raises(CannotPackage, match="package.json is no JSON: "):
        dependencies.build(code())
    with pytest.raises(NpmFailed, match=r"^The AWS SDK needs Node.js 20 or newer as node on the path\.$"):
        install_sdk(tmp_path / "filled")
    assert not (tmp_path / "filled").exists()


def test_esbuild_when_the_project_has_it_or_not(code, folder: Path, monkeypatch, tmp_path: Path):
    """The nearest esbuild gets SAM's options and its output alone is packaged; without one, the sentence says how."""
    metadata = {"BuildMethod": "esbuild", "BuildProperties": {"EntryPoints": ["app.ts"]}}
    with pytest.raises(
        CannotPackage, match=r"^Chat has the BuildMethod esbuild, and no node_modules of .*code or above"
    ):
        Building().build(code(**metadata))
    program = tmp_path / "node_modules" / ".bin" / "esbuild"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert esbuild_of(folder) == program
    properties = {"Sourcemap": True, "Minify": False, "External": ["@aws-sdk/*", "sharp"], "MainFields": "module,main"}
    assert list(building._options(code(), properties)) == [
        "--minify=false",
        "--target=es2020",
        "--format=cjs",
        "--platform=node",
        "--sourcemap",
        "--external:@aws-sdk/*",
        "--external:sharp",
        "--main-fields=module,main",
    ]
    with pytest.raises(CannotPackage, match="localstage does not know the BuildProperties Splitting"):
        Building().build(code(BuildMethod="esbuild", BuildProperties={"Splitting": True}))


def test_build_method_when_it_is_another(code, folder: Path):
    """SAM's other ways of building are refused by name; a plain function is packaged as it is."""
    with pytest.raises(
        CannotPackage, match="^Chat has the BuildMethod makefile, which is SAM's own work: run sam build"
    ):
        Building().build(code(BuildMethod="makefile"))
    metadata = {"BuildMethod": "java21"}
    with pytest.raises(CannotPackage, match="^Shared has the BuildMethod java21"):
        Building().build(LocalCode("Shared", "AWS::Serverless::LayerVersion", folder, metadata=metadata))
    assert Building().build(LocalCode("Plain", "AWS::Lambda::Function", folder, "nodejs20.x", metadata)) is None


@pytest.mark.parametrize(("method", "below"), [("nodejs20.x", "nodejs/"), ("python3.13", "python/"), (None, "")])
def test_layer_when_it_is_built(method: str | None, below: str, folder: Path):
    """A layer with a runtime as its BuildMethod lies where Lambda looks for that runtime's files; without, as it is."""
    metadata = {"BuildMethod": method} if method else {}
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "code"}, "Metadata": metadata}
    template = folder.parent / "template.json"
    template.write_text(json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Shared": layer}}))
    (content,) = package(template, "bucket", Building().build).objects.values()
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == [f"{below}app.js"]


def test_template_when_its_globals_name_the_runtime(folder: Path):
    """What builds a function is told its runtime, of its own or of the Globals, and its metadata."""
    seen: list[LocalCode] = []
    template = folder.parent / "template.yaml"
    template.write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Globals: {Function: {Runtime: nodejs22.x, CodeUri: code}}\n"
        "Resources:\n"
        "  One: {Type: AWS::Serverless::Function, Metadata: {BuildMethod: esbuild}, Properties: {Handler: app.handler}}\n"
        "  Two: {Type: AWS::Serverless::Function, Properties: {Runtime: python3.13, Handler: app.handler}}\n"
    )
    package(template, "bucket", lambda one: seen.append(one))
    assert [(one.runtime, dict(one.metadata)) for one in seen] == [
        ("nodejs22.x", {"BuildMethod": "esbuild"}),
        ("python3.13", {}),
    ]
