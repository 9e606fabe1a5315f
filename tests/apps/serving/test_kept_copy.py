"""The copy of the last good model on this machine: when it answers, and what is known of it."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.serving.kept import KeptModel
from tests.apps.serving.doubles import FakeSource, served
from tests.apps.serving.keeping import LIMITS, keeping, serves, wait_until
from xray_model.outcomes import ServedModel


def kept_in(folder: Path) -> ServedModel | None:
    """The model whose copy lies in a folder."""
    copy = KeptModel(folder, "file:///store").find()
    return None if copy is None else copy.model


def read_confirmed(folder: Path) -> datetime:
    """When the ledger was last seen to name it, by the note beside the copy."""
    return datetime.fromisoformat(json.loads((folder / "model.json").read_text())["confirmed"])


def write_confirmed(folder: Path, when: str | None) -> None:
    """Let the note beside the copy tell another time, or none."""
    note = folder / "model.json"
    told = json.loads(note.read_text())
    del told["confirmed"]
    note.write_text(json.dumps(told | ({} if when is None else {"confirmed": when})))


def test_a_copy_serves_when_nobody_can_say_which_model_is_in_service(tmp_path: Path) -> None:
    """Started with a store that is down, the model of the day before answers, in doubt until the store is back."""
    with keeping(FakeSource(served(1)), tmp_path) as keeper:
        wait_until(serves(keeper, 1))
    source = FakeSource(served(2))
    source.ledger_down = True
    with keeping(source, tmp_path) as keeper:
        wait_until(serves(keeper, 1, sure=False))
        assert source.fetched == []
        assert keeper.state().unsure_since is not None
        source.ledger_down = False
        wait_until(serves(keeper, 2))
    assert [path.name for path in tmp_path.glob("*.keras")] == [f"{served(2).model_sha256}.keras"]


def test_how_long_nobody_was_sure_outlives_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that answers tells when the ledger last named its model, and not when the service was started."""
    monkeypatch.setattr("apps.serving.kept._PAUSE_SECONDS", 0.01)
    with keeping(FakeSource(served(1)), tmp_path) as keeper:
        wait_until(serves(keeper, 1))
    write_confirmed(tmp_path, "2026-05-02T03:04:05+02:00")
    source = FakeSource(served(1))
    source.ledger_down = True
    with keeping(source, tmp_path) as keeper:
        wait_until(serves(keeper, 1, sure=False))
        unsure = keeper.state().unsure_since
        assert unsure is not None
        assert unsure.isoformat() == "2026-05-02T01:04:05+00:00"
        source.ledger_down = False
        wait_until(serves(keeper, 1))
        back = datetime.now(UTC)
        wait_until(lambda: read_confirmed(tmp_path) > back)
        source.ledger_down = True
        wait_until(serves(keeper, 1, sure=False))
        later = keeper.state().unsure_since
        assert later is not None
        assert later > back


def test_the_time_beside_the_copy_is_written_seldom(tmp_path: Path) -> None:
    """The service looks far oftener than the disk is written."""
    with keeping(FakeSource(served(1)), tmp_path) as keeper:
        wait_until(serves(keeper, 1))
        wait_until((tmp_path / "model.json").exists)
        first = read_confirmed(tmp_path)
        time.sleep(20 * LIMITS.poll_seconds)
        assert read_confirmed(tmp_path) == first


def test_a_copy_without_a_time_was_in_service_when_it_was_promoted(tmp_path: Path) -> None:
    """An earlier version kept no time beside it, and who is unsure is told of one at which it surely was."""
    with keeping(FakeSource(served(1)), tmp_path) as keeper:
        wait_until(serves(keeper, 1))
    write_confirmed(tmp_path, None)
    source = FakeSource(served(1))
    source.ledger_down = True
    with keeping(source, tmp_path) as keeper:
        wait_until(serves(keeper, 1, sure=False))
        assert keeper.state().unsure_since == served(1).since


def test_the_same_model_is_fetched_once(tmp_path: Path) -> None:
    """Started again, the copy answers without the registry, and as the ledger says when it came into service."""
    with keeping(FakeSource(served(1)), tmp_path) as keeper:
        wait_until(serves(keeper, 1))
    later = served(1).model_copy(update={"since": served(5).since})
    source = FakeSource(later)
    source.registry_down = True
    with keeping(source, tmp_path) as keeper:
        wait_until(serves(keeper, 1))
        assert keeper.state().model == later


@pytest.mark.parametrize("damage", ["file", "note", "store", "no champion"])
def test_a_copy_that_is_not_to_be_trusted_does_not_serve(tmp_path: Path, damage: str) -> None:
    """Changed, unreadable, of another store, or where the ledger has no champion: nothing answers."""
    with keeping(FakeSource(served(1)), tmp_path) as keeper:
        wait_until(serves(keeper, 1))
    file, note = tmp_path / f"{served(1).model_sha256}.keras", tmp_path / "model.json"
    if damage == "file":
        file.write_bytes(b"model 7")
    elif damage == "note":
        note.write_text("{")
    elif damage == "store":
        note.write_text(note.read_text().replace("file:///store", "s3://another"))
    source = FakeSource(None)
    source.ledger_down = damage != "no champion"
    with keeping(source, tmp_path) as keeper:
        wait_until(lambda: "being loaded" not in (keeper.state().reason or ""))
        assert not keeper.state().ready


def test_a_home_that_cannot_be_written_keeps_no_model_out_of_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It answers, and is warmed up, from a copy that is gone at once; when the home takes one again it gets it."""
    monkeypatch.setattr("apps.serving.kept._PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    home = tmp_path / "home"
    home.write_bytes(b"no folder")
    source = FakeSource(served(1))
    with keeping(source, home / "serving") as keeper:
        wait_until(serves(keeper, 1))
        wait_until(lambda: source.predictors[1].warm[-1] == LIMITS.batch)
        wait_until(lambda: "the copy of model v1 on this machine" in caplog.text)
        unkept = "the copy of model v1 on this machine, for when the store is down, cannot be kept: Not a directory"
        wait_until(lambda: keeper.state().unkept == unkept)
        assert serves(keeper, 1)()
        assert [path.name for path in tmp_path.iterdir()] == ["home"]
        home.unlink()
        wait_until(lambda: kept_in(home / "serving") == served(1))
        wait_until(lambda: keeper.state().unkept is None)
        asked = len(source.fetched)
        source.champion = served(2)
        wait_until(serves(keeper, 2))
        assert source.fetched[asked:] == [2]


def test_a_copy_that_cannot_be_kept_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is in service and warm, and nothing else is said of it."""
    monkeypatch.setattr("apps.serving.kept._PAUSE_SECONDS", 0.01)
    (tmp_path / "model.json.part").mkdir()
    source = FakeSource(served(1))
    with keeping(source, tmp_path) as keeper:
        wait_until(serves(keeper, 1))
        wait_until(lambda: source.predictors[1].warm[-1] == LIMITS.batch)
        assert serves(keeper, 1)()
        (tmp_path / "model.json.part").rmdir()
        wait_until(lambda: kept_in(tmp_path) == served(1))
        assert source.fetched == [1]
