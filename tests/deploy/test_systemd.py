"""The units start what is there, and take the exit codes for what they say."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from apps.cli import NEEDS_PERSON, app
from tests.deploy.reading import DEPLOY

UNITS = sorted((DEPLOY / "systemd").iterdir())


def read_unit(path: Path) -> configparser.ConfigParser:
    """The sections of a unit; none of ours names a setting twice."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_knows_every_line(path: Path) -> None:
    """A unit holds nothing that systemd does not understand."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("there is no systemd-analyze on the path")
    found = subprocess.run([tool, "verify", str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, [line for line in found.stderr.splitlines() if path.name in line]) == (0, [])


def test_services_start_commands_that_are_there() -> None:
    """Each service runs a command of `xray`, and the timer has a service of its name."""
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    for path in UNITS:
        if path.suffix == ".service":
            start = read_unit(path)["Service"]["ExecStart"].split()
            assert start[:2] == ["/usr/bin/env", "xray"]
            assert start[2] in commands
        else:
            assert path.with_suffix(".service").is_file()


def test_waiting_for_a_person_is_no_failure() -> None:
    """The exit code by which a night says that something waits counts as a success, and no other does but 0."""
    unit = read_unit(DEPLOY / "systemd" / "xray-nightly.service")
    assert unit["Service"]["SuccessExitStatus"] == str(NEEDS_PERSON)
