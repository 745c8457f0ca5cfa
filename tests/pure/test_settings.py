"""A setting is declared in one place: its option, its default and LocalStage's keyword come from there."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from localstage import LocalStage, cli, serving
from localstage.settings import Settings, arguments, options

ROOT = Path(__file__).resolve().parents[2]
CHANGED = """
import sys, types
from pathlib import Path
source = Path("localstage/settings.py").read_text()
assert source.count("default=600.0") == 1
settings = types.ModuleType("localstage.settings")
sys.modules["localstage.settings"] = settings
exec(compile(source.replace("default=600.0", "default=77.0"), "settings.py", "exec"), settings.__dict__)

from click.testing import CliRunner
from localstage import cli, serving
from localstage.commands import process

seen = []
serving.serve = lambda settings, work_dir, owned: seen.append(settings.idle_timeout_s)
process.run_command = lambda stage, command, as_aws: seen.append(stage._settings.idle_timeout_s)
for arguments in (["serve"], ["run", "true"]):
    CliRunner().invoke(cli.main, arguments, catch_exceptions=False)
seen.append(process.LocalStage()._settings.idle_timeout_s)
print(seen, "77s" in CliRunner().invoke(cli.main, ["serve", "--help"]).output)
"""


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that ``serve`` was called with; nothing is started."""
    seen: list[Settings] = []
    monkeypatch.setattr(serving, "serve", lambda settings, work_dir, owned: seen.append(settings))
    return seen


def test_default_when_it_is_changed_in_settings():
    """A default that is changed in settings.py is what serve, run, LocalStage and the help have."""
    done = subprocess.run([sys.executable, "-c", CHANGED], cwd=ROOT, text=True, capture_output=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[77.0, 77.0, 77.0] True\n", "")


def test_serve_when_no_option_is_given(served: list[Settings]):
    """Without options all settings are at their defaults."""
    assert CliRunner().invoke(cli.main, ["serve"]).exit_code == 0
    assert served == [Settings()]


def test_serve_when_every_setting_is_changed(served: list[Settings], tmp_path: Path):
    """What LocalStage hands to its process arrives there, each setting by its own option."""
    changed = Settings(
        port=0,
        region="eu-central-1",
        idle_timeout_s=1.5,
        connection_duration_s=90.0,
        iam=False,
        like_aws=True,
        pace=2.5,
        pages=tmp_path,
        more_pages=tmp_path / "later",
        pages_for_any_host=True,
        allow_host="api.example.org",
    )
    assert [one.name for one, _ in options() if getattr(changed, one.name) == one.default] == []
    done = CliRunner().invoke(cli.main, ["serve", *arguments(changed)])
    assert (done.output, served) == ("", [changed])


def test_pace_when_nothing_is_delayed(served: list[Settings]):
    """--pace without --like-aws is refused with a sentence, whatever its value."""
    done = CliRunner().invoke(cli.main, ["serve", "--pace", "1"])
    assert (done.exit_code, served) == (2, [])
    assert "--pace is for --like-aws only" in done.output


def test_localstage_when_a_setting_is_unknown():
    """LocalStage takes the names of settings and no others."""
    assert LocalStage(like_aws=True)._settings == replace(Settings(port=0), like_aws=True)
    with pytest.raises(TypeError, match="patience"):
        LocalStage(patience=3)
