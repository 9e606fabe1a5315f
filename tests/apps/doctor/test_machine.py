"""What `xray doctor` says of packages, disks and memory, and of what shows only when the store is used."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from apps.doctor import keeping, machine
from apps.doctor.clocks import check_clock
from apps.doctor.findings import Finding
from storage import health
from storage.health import find_store_time, has_one_winner
from storage.objects.local import LocalObjects
from storage.settings import Settings
from storage.store import open_store
from xray_model.errors import StoreUnavailable

GB = 10**9


def look(settings: Settings) -> dict[str, Finding]:
    """What is said of the machine, by subject."""
    return {one.subject: one for one in machine.look_at_machine(settings)}


def test_packages_are_those_that_were_asked_for(home: Path) -> None:
    """The environment that runs the tests has what pyproject.toml pins."""
    assert machine.check_packages().state == "ok"


def test_packages_that_differ_are_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong version and a missing package are told, and one that only an extra wants is not; then the command."""
    wanted = ["prefect==1.0", "no-such-package>=2", "no-such-extra==1; extra == 'dask'", "numpy>=1"]
    monkeypatch.setattr(machine, "requires", lambda _: wanted)
    found = machine.check_packages()
    assert found.state == "problem"
    told, _, command = found.words.partition(": ")
    assert told.startswith(f"prefect is {version('prefect')} and should be ==1.0; no-such-package is missing")
    assert "no-such-extra" not in told
    assert command.endswith("-r requirements.lock")


@pytest.mark.parametrize(("free", "state"), [(0.5, "problem"), (5, "warning"), (50, "ok")])
def test_room_on_the_disk(home: Path, monkeypatch: pytest.MonkeyPatch, free: float, state: str) -> None:
    """Little room is a warning, next to none a problem; one disk is told once, also where nothing is begun."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=100 * GB, free=free * GB))
    found = look(Settings())
    assert found["disk of the home"].state == state
    assert f"{free:.1f} GB free of 100" in found["disk of the home"].words
    assert "disk of the spool" not in found
    assert not home.exists()


@pytest.mark.parametrize(("available", "state"), [(1, "warning"), (8, "ok")])
def test_room_in_memory(home: Path, monkeypatch: pytest.MonkeyPatch, available: int, state: str) -> None:
    """Less than a night's libraries need is a warning."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=16 * GB, available=available * GB))
    assert look(Settings())["memory"].state == state


def test_clock_that_is_ahead() -> None:
    """The difference and its direction are said, with what to do."""
    now = datetime.now(UTC)
    found = check_clock("clock", now, now + timedelta(seconds=90))
    assert (found.state, "90 s ahead" in found.words, "timedatectl" in found.words) == ("problem", True, True)
    assert check_clock("clock", now, now - timedelta(seconds=2)).state == "ok"


def test_race_in_the_store_is_tried_and_cleared_away(home: Path) -> None:
    """A folder that is not begun is left alone; one that is has one winner, and keeps nothing of the race."""
    assert has_one_winner(Settings()) is None
    assert not home.exists()
    objects = open_store(Settings()).objects
    before = [info.key for info in objects.list()]
    assert has_one_winner(Settings()) is True
    assert [info.key for info in objects.list()] == before
    assert find_store_time(Settings()) is None


def refuse(_: object) -> bool:
    """A store that may be read alone."""
    raise StoreUnavailable("writing is forbidden: ask for the right to")


@pytest.mark.parametrize(
    ("probe", "subject", "words"),
    [
        (lambda _: False, "create-only writes", "If-None-Match"),
        (refuse, "writing to the store", "writing is forbidden"),
    ],
)
def test_store_that_lets_two_win_is_a_problem(
    home: Path, monkeypatch: pytest.MonkeyPatch, probe: Callable[[object], bool], subject: str, words: str
) -> None:
    """So is one that lets nothing be written."""
    open_store(Settings())
    monkeypatch.setattr(LocalObjects, "probe_create_only", probe)
    (found,) = [one for one in keeping.look_at_keeping(Settings()) if one.state == "problem"]
    assert found.subject == subject
    assert words in found.words


@pytest.mark.service
def test_real_bucket_tells_the_time_and_has_one_winner(
    home: Path, new_bucket_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On S3 the race is run and the clocks are compared."""
    monkeypatch.setenv("XRAY_STORE", new_bucket_url())
    theirs = health.find_store_time(Settings())
    assert theirs is not None
    assert abs(datetime.now(UTC) - theirs) < timedelta(seconds=30)
    found = {one.subject: one for one in keeping.look_at_keeping(Settings())}
    assert found["create-only writes"].words == "a race in the store has one winner"
    assert found["clock beside the store's"].state == "ok"
