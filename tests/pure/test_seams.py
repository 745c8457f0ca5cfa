"""Where localstage takes hold of moto: the table of it is whole, and moto still has all that stands in it."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.routing import Map, Rule

import localstage
from localstage.door import moto as motoserver
from localstage.door import seams

ROOT = Path(localstage.__file__).parent
# Of the stack engine, what is a subclass of moto's or answers in its place; what plans and works knows none of it.
ENGINE = ("change_set", "errors", "models", "registry", "resource_type", "responses", "stack")
MAY_IMPORT_MOTO = (
    "services/",
    *(f"door/{name}.py" for name in ("answers", "call", "dispatch", "models", "moto")),
    *(f"stacks/{name}.py" for name in ENGINE),
)
SEAMS = (*seams.REPLACED, *seams.USED)


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Every module of localstage, by its path in the package."""
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))


def motos_modules(tree: ast.Module) -> set[str]:
    """The modules of moto's that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {name for name in found if name.partition(".")[0] == "moto"}


@pytest.mark.parametrize("seam", SEAMS)
def test_seam_when_moto_is_asked_for_it(seam: str):
    """The moto that is installed has what stands in the table."""
    seams._find(seam)


@pytest.mark.parametrize(
    "seam", ["moto.gone.models:x", "moto.sns.models:sns_backends.gone", "moto.sns.models:Topic._gone"]
)
def test_start_when_moto_lacks_something(monkeypatch, seam: str):
    """What is gone is named in one sentence, with the moto that is needed."""
    monkeypatch.setattr(seams, "USED", (seam,))
    with pytest.raises(seams.MotoHasChanged) as told:
        seams.check()
    where, _, name = seam.partition(":")
    assert f"no longer has {where}.{name}: localstage needs moto {seams.MOTO}." in str(told.value)


def test_start_when_moto_has_another_core(monkeypatch):
    """A module of moto's core that another release does without is missed at the start, not at the first call."""
    monkeypatch.setattr(seams, "USED", ("moto.core.gone:x",))
    with pytest.raises(seams.MotoHasChanged, match=r"no longer has moto\.core\.gone\.x"):
        seams.check(loaded_only=True)


def test_moto_when_its_release_is_named():
    """The release that the sentence names is the one that is installed and tested with."""
    assert f"moto[server]=={seams.MOTO}" in (ROOT.parent / "requirements.txt").read_text("utf-8").splitlines()


def test_replacement_when_it_is_not_in_the_table():
    """Nothing is put in moto's place that the table does not name."""
    with pytest.raises(AssertionError, match="not in the table"):
        seams.replace("moto.sns.models:Topic", object)


def test_openapi_when_a_document_is_checked(monkeypatch):
    """What checks OpenAPI documents is imported with the first one, and says in moto's words what is wrong with it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "openapi_spec_validator"]:
        monkeypatch.delitem(sys.modules, name)
    motoserver._read_openapi_late()
    stand_in = importlib.import_module("openapi_spec_validator")
    invalid = importlib.import_module("openapi_spec_validator.validation.exceptions").OpenAPIValidationError
    with pytest.raises(invalid) as told:
        stand_in.validate({"openapi": "3.0.1", "paths": {}})
    assert told.value.message == "'info' is a required property"
    assert sys.modules["openapi_spec_validator"] is not stand_in
    stand_in.validate({"openapi": "3.0.1", "info": {"title": "chat", "version": "1"}, "paths": {}})


def test_url_rules_when_a_url_is_built(monkeypatch):
    """A rule's URLs are built as ever, although what builds them is compiled at the first one."""
    rules = [Rule("/v2/apis/<api>/routes/<route>", endpoint="route"), Rule("/v2/apis", endpoint="apis")]
    expected = Map(rule.empty() for rule in rules).bind("").build("route", {"api": "a b", "route": "r", "more": "1"})
    monkeypatch.setattr(Rule, "_compile_builder", Rule._compile_builder)
    motoserver._compile_no_builders()
    late = Map(rules).bind("")
    assert late.build("route", {"api": "a b", "route": "r", "more": "1"}) == expected
    assert late.match("/v2/apis/x/routes/y") == ("route", {"api": "x", "route": "y"})


def test_modules_when_they_import_moto():
    """Only rooms, the stack engine and the door's own modules know moto."""
    strangers = {path for path, tree in sources() if motos_modules(tree) and not path.startswith(MAY_IMPORT_MOTO)}
    assert strangers == set()


def test_patches_when_they_are_made_elsewhere():
    """No module but seams.py assigns to a module of moto's, or to what one holds."""
    found = []
    for path, tree in sources():
        for node in ast.walk(tree):
            targets = node.targets if isinstance(node, ast.Assign) else []
            called = [node.func] if isinstance(node, ast.Call) else []
            for target in (*targets, *called):
                written = ast.unparse(target)
                if written.startswith("moto.") and (target in targets or written.endswith((".update", ".setdefault"))):
                    found.append(f"{path}:{node.lineno} {written}")
    assert found == []


def test_private_names_when_they_are_motos():
    """Each private name that is read of an object, and not localstage's own, stands in the table."""
    trees = dict(sources())
    own = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                own.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                own.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                own.add(node.id)
    listed = {name for seam in SEAMS for name in seam.partition(":")[2].split(".")}
    unlisted = {
        f"{path}: {node.attr}"
        for path, tree in trees.items()
        if path.startswith(MAY_IMPORT_MOTO)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
        if node.attr not in own | listed
    }
    assert unlisted == set()


def test_private_modules_when_they_are_motos():
    """Each private module of moto's that is imported stands in the table."""
    private = {name for _, tree in sources() for name in motos_modules(tree) if "._" in name}
    assert private <= {seam.partition(":")[0] for seam in SEAMS}


def test_overrides_when_they_are_of_private_methods():
    """Each private method of moto's that a class of localstage overrides stands in the table."""
    listed = {seam.rpartition(".")[2] for seam in SEAMS}
    unlisted = set()
    for module in pkgutil.walk_packages([str(ROOT)], "localstage."):
        if module.name.startswith(("localstage.services", "localstage.stacks")):
            for cls in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(cls) and cls.__module__.startswith(("localstage.", "moto.")):
                    bases = [base for base in cls.__mro__ if base.__module__.startswith("moto.") and base is not cls]
                    unlisted |= {
                        f"{cls.__name__}.{name}"
                        for name in vars(cls)
                        if name.startswith("_") and not name.startswith("__") and name not in listed
                        if inspect.getfile(cls).startswith(str(ROOT)) and any(name in vars(base) for base in bases)
                    }
    assert unlisted == set()
