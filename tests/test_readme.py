"""The documents: their commands exist, and every command and setting stands in the README."""

import re
import shlex
from pathlib import Path
from typing import get_args

import pytest
import typer
from typer.testing import CliRunner

from apps.cli import app
from storage.settings import Settings
from tests.running_documents import DOCUMENTS, NOT_RUN, read_commands
from xray_model.config import BackboneName

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = [*read_commands()]
GROUPS = {group.name: group.typer_instance for group in app.registered_groups if group.typer_instance}
XRAY = [command for command in COMMANDS if command.startswith("xray ")]


def test_what_is_not_run_stands_in_the_documents() -> None:
    """The list of commands that no test here runs names none that is gone, and each with a reason."""
    assert NOT_RUN.keys() <= set(COMMANDS)
    assert all(NOT_RUN.values())
    for path in re.findall(r"tests/[a-z_./]+", " ".join(NOT_RUN.values())):
        assert (ROOT / path).exists(), path


def test_prefect_commands_are_accepted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each `prefect` line names a command there is."""
    from prefect.cli import app as prefect

    for command in (one for one in COMMANDS if one.startswith("prefect ")):
        words = [word for word in command.split() if "/" not in word]
        monkeypatch.setattr("sys.argv", [*words, "--help"])
        with pytest.raises(SystemExit) as ended:
            prefect()
        assert ended.value.code in {None, 0}, command
        assert f"Usage: {' '.join(words)}" in capsys.readouterr().out


@pytest.mark.parametrize("command", XRAY)
def test_xray_command_is_accepted(command: str) -> None:
    """Each `xray` line names a command and options that there are."""
    words = shlex.split(command)[1:]
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0, result.output
    depth = 2 if words[0] in GROUPS and words[1:] and not words[1].startswith("--") else 1
    for option in (word for word in words if word.startswith("--")):
        assert option in CliRunner().invoke(app, [*words[:depth], "--help"]).output


def test_make_targets_exist() -> None:
    """Each `make` line names a target."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {command.split()[1] for command in COMMANDS if command.startswith("make ")}
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("group", [None, *GROUPS])
def test_every_command_stands_in_the_readme_and_has_help(group: str | None) -> None:
    """No command is hidden, and each says what it does and so does each option."""
    found = typer.main.get_command(app if group is None else GROUPS[group])
    for name, command in found.commands.items():  # type: ignore[attr-defined]
        assert f"xray {name}" in README if group is None else f"xray {group} {name}" in README
        assert len(command.help) > 40
        assert all(getattr(option, "help", None) for option in command.params if option.param_type_name == "option")


def test_every_setting_stands_in_the_readme() -> None:
    """The table of settings is complete."""
    assert {f"XRAY_{name.upper()}" for name in Settings.model_fields} == set(
        re.findall(r"`(XRAY_[A-Z_]+)`", README)
    ) - {"XRAY_SHARED_DATA"}


def test_every_backbone_stands_in_the_readme_and_the_help() -> None:
    """Whoever chooses a network finds all there are."""
    told = " ".join(CliRunner().invoke(app, ["nightly", "--help"], terminal_width=400).output.split())
    for name in get_args(BackboneName):
        assert f"`{name}`" in README
        assert name in told


def test_the_test_command_is_what_ci_runs() -> None:
    """CI runs the README's own test command."""
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text()
    assert "$ make test" in README


def test_linked_files_exist() -> None:
    """No link in the documents leads nowhere."""
    for name in DOCUMENTS:
        document = ROOT / name
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            assert (document.parent / target).exists(), target


def test_locks_have_hashes_and_no_address() -> None:
    """What is installed is what was tested: every pin has a hash, and no line names a host."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        pins = re.findall(r"^[A-Za-z0-9_.\[\]-]+==", text, re.MULTILINE)
        assert len(pins) > 150
        assert text.count("--hash=sha256:") >= len(pins)
        assert "://" not in text
        assert "index-url" not in text
