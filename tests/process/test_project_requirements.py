"""What a SAM project says of its deployment besides the template: requirements.txt and samconfig.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from localstage.project.building import Building
from localstage.project.deployment import SamConfig, read_samconfig
from localstage.project.packaging import CannotPackage, LocalCode
from localstage.project.requirements import Requirements
from tests.process.wheel_by_hand import write_wheel


@pytest.fixture
def code(tmp_path: Path) -> LocalCode:
    """A serverless function's folder, with a wheel beside its code."""
    folder = tmp_path / "code"
    folder.mkdir()
    write_wheel(folder, "greeting", "1.0", {"greeting": "WORD = 'hello'\ndef main(): print(WORD)\n"})
    return LocalCode("Chat", "AWS::Serverless::Function", folder)


def test_requirements_when_they_are_installed(code: LocalCode, tmp_path: Path):
    """What the runtime lacks is installed once, and found again as long as the file says the same."""
    (wheel,) = code.path.glob("*.whl")
    (code.path / "requirements.txt").write_text(f"boto3\n./{wheel.name}  # greets\n")
    said: list[str] = []
    requirements = Requirements(said.append, tmp_path / "cache")
    built = requirements.build(code)
    assert built is not None and built.folder is not None and not built.alone
    folder = built.folder
    assert (folder / "greeting.py").is_file() and not (folder / "boto3").exists()
    assert requirements.build(code) == built and len(said) == 1
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]
    assert sorted(path.name for path in code.path.iterdir()) == sorted([wheel.name, "requirements.txt"])
    plain = LocalCode("Chat", "AWS::Lambda::Function", code.path)
    assert Building(said.append).build(plain) is None  # AWS: only sam build installs; cloudformation package does not.


def test_requirements_when_a_layer_has_them(code: LocalCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With a runtime as its BuildMethod a layer gets them, too; without, sam build leaves it as it is."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    (code.path / "requirements.txt").write_text(f"./{next(code.path.glob('*.whl')).name}\n")
    layer = LocalCode("Shared", "AWS::Serverless::LayerVersion", code.path, metadata={"BuildMethod": "python3.12"})
    built = Building().build(layer)
    assert built is not None and built.folder is not None
    assert (built.below, (built.folder / "greeting.py").is_file()) == ("python", True)
    assert Building().build(LocalCode("Shared", layer.resource_type, code.path)) is None


def test_requirements_when_one_is_not_there(code: LocalCode, tmp_path: Path):
    """pip's own sentence is told with the file's name, and nothing of it stays."""
    (code.path / "requirements.txt").write_text("./gone-1.0-py3-none-any.whl\n")
    with pytest.raises(CannotPackage, match=r"requirements.txt cannot be installed: .*gone-1.0-py3-none-any.whl"):
        Requirements(cache=tmp_path / "cache").build(code)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version = 0.1\n", SamConfig()),
        (
            "[default.deploy.parameters]\nstack_name = 'chat'\nparameter_overrides = 'Table=\"a b\" Stage=dev'\n",
            SamConfig("chat", {"Table": "a b", "Stage": "dev"}),
        ),
        (
            "[default.global.parameters]\nstack_name = 'all'\n[default.deploy.parameters]\nparameter_overrides = ['A=1']\n",
            SamConfig("all", {"A": "1"}),
        ),
    ],
)
def test_samconfig_when_read(tmp_path: Path, text: str, expected: SamConfig):
    """The stack's name and the parameters are read, as a text or as a list; deploy comes before global."""
    (tmp_path / "samconfig.toml").write_text(text)
    assert read_samconfig(tmp_path / "template.yaml") == expected


def test_samconfig_when_it_is_no_toml(tmp_path: Path):
    """A file that cannot be read is one sentence with its path."""
    (tmp_path / "samconfig.toml").write_text("stack_name chat")
    with pytest.raises(CannotPackage, match=r"samconfig.toml cannot be read: "):
        read_samconfig(tmp_path / "template.yaml")
