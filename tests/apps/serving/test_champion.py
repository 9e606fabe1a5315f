"""The model in service: swapped without a gap, and the last good one kept where another cannot be had."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.serving.champion import ChampionKeeper
from apps.serving.errors import NotReady
from apps.serving.kept import KeptModel
from apps.serving.limits import ServiceLimits
from tests.apps.serving.doubles import PATIENCE, SIDE, FakeSource, answering, served
from xray_model.outcomes import ServedModel

LIMITS = ServiceLimits(poll_seconds=0.01, patience_seconds=0.3)


@contextmanager
def keeping(source: FakeSource, folder: Path, limits: ServiceLimits = LIMITS) -> Iterator[ChampionKeeper]:
    """A keeper at work, closed in the end."""
    keeper = ChampionKeeper(source, KeptModel(folder, "file:///store"), SIDE, limits, lambda _: None)
    keeper.start()
    try:
        yield keeper
    finally:
        source.go.set()
        source.warms.set()
        source.answers.set()
        keeper.close()


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def serves(keeper: ChampionKeeper, version: int, *, sure: bool = True) -> Callable[[], bool]:
    """Whether a version is in service, and nothing speaks against it."""

    def check() -> bool:
        state = keeper.state()
        return bool(state.ready and state.model and state.model.version == version and sure == (not state.reason))

    return check


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


def test_without_a_champion_nothing_answers_and_the_first_one_does_at_once(tmp_path: Path) -> None:
    """Before the first promotion it says so; after it the model answers without a restart."""
    source = FakeSource(None)
    with keeping(source, tmp_path) as keeper:
        wait_until(lambda: "none was promoted" in (keeper.state().reason or ""))
        assert (keeper.state().ready, keeper.state().unsure_since) == (False, None)
        with pytest.raises(NotReady, match="none was promoted"), keeper.hold():
            pass
        source.champion = served(1)
        wait_until(serves(keeper, 1))
        with keeper.hold() as loaded:
            assert loaded.model == served(1)


def test_a_request_keeps_the_model_it_began_with(tmp_path: Path) -> None:
    """A promotion replaces the model for those who come later; the old one ends with its last request."""
    source = FakeSource(served(1))
    with keeping(source, tmp_path) as keeper:
        wait_until(serves(keeper, 1))
        with keeper.hold() as first:
            with keeper.hold() as second:
                source.champion = served(2)
                wait_until(serves(keeper, 2))
                assert first is second
                assert first.model.version == 1
            assert not first.join(0.01)
            with keeper.hold() as later:
                assert later.model.version == 2
        assert first.join(PATIENCE)
        assert not later.join(0.01)


def test_a_model_is_warm_before_it_replaces_another(tmp_path: Path) -> None:
    """The first one answers as soon as it can and is warmed up then; nobody waits for a later one's first batches."""
    source = FakeSource(served(1))
    with keeping(source, tmp_path, replace(LIMITS, batch=8)) as keeper:
        wait_until(serves(keeper, 1))
        assert source.predictors[1].warm == [1, 1, 2, 4, 8]
        with keeper.hold():
            source.champion = served(2)
            wait_until(lambda: (keeper.state().model or served(1)).version == 2)
            assert source.predictors[2].warm == [1, 1, 2, 4, 8]


def test_a_model_that_fails_on_many_images_does_not_come_into_service(tmp_path: Path) -> None:
    """It is tried on batches of every size before anybody else is; what it began is ended again."""
    source, before = FakeSource(served(1)), answering()
    with keeping(source, tmp_path) as keeper:
        wait_until(serves(keeper, 1))
        source.champion = served(8)
        wait_until(lambda: "cannot be loaded: MemoryError" in (keeper.state().reason or ""))
        assert keeper.state().model == served(1)
    wait_until(lambda: answering() <= before)


def test_the_last_good_model_serves_while_the_next_cannot_be_had(tmp_path: Path) -> None:
    """A registry that is down, a file that Keras cannot load: the old one answers, and it is said since when."""
    source = FakeSource(served(1))
    with keeping(source, tmp_path) as keeper:
        wait_until(serves(keeper, 1))
        before = keeper.state()
        source.registry_down, source.champion = True, served(2)
        wait_until(lambda: "registry is down" in (keeper.state().reason or ""))
        state = keeper.state()
        assert (state.ready, state.model) == (True, served(1))
        assert state.unsure_since is not None
        source.champion = served(1)
        wait_until(serves(keeper, 1))
        source.registry_down, source.champion = False, served(9)
        wait_until(lambda: "cannot be loaded: ValueError" in (keeper.state().reason or ""))
        assert keeper.state().model == before.model
        source.champion = served(3)
        wait_until(serves(keeper, 3))
        assert keeper.state().unsure_since is None


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


def test_an_empty_ledger_that_was_not_empty_takes_no_model_away(tmp_path: Path) -> None:
    """A store that was moved away lists as empty: the last good model answers, and it is said since when."""
    source = FakeSource(served(1))
    with keeping(source, tmp_path) as keeper:
        wait_until(serves(keeper, 1))
        source.champion = None
        wait_until(serves(keeper, 1, sure=False))
        assert "moved away or is not mounted" in (keeper.state().reason or "")
        assert keeper.state().unsure_since is not None
        source.champion = served(1)
        wait_until(serves(keeper, 1))


def test_a_store_that_does_not_even_refuse_holds_nothing_up(tmp_path: Path) -> None:
    """Who waits for ever on the store is answered by the copy all the same, within seconds."""
    with keeping(FakeSource(served(1)), tmp_path) as keeper:
        wait_until(serves(keeper, 1))
    source = FakeSource(served(1))
    source.answers.clear()
    with keeping(source, tmp_path) as keeper:
        wait_until(serves(keeper, 1, sure=False))
        assert "within 0.3 seconds" in (keeper.state().reason or "")
        source.answers.set()
        wait_until(serves(keeper, 1))


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


def test_a_model_for_other_pictures_does_not_serve(tmp_path: Path) -> None:
    """One whose pixels are not the store's is refused, with what is wrong."""
    source = FakeSource(served(1))
    source.side = 32
    with keeping(source, tmp_path) as keeper:
        wait_until(lambda: "pictures of 32 pixels" in (keeper.state().reason or ""))
        assert not keeper.state().ready


def test_a_silent_store_is_told_of(tmp_path: Path) -> None:
    """A look that hangs makes the service unsure after a while, though nothing has failed."""
    source = FakeSource(served(1))
    with keeping(source, tmp_path) as keeper:
        wait_until(serves(keeper, 1))
        source.answers.clear()
        wait_until(serves(keeper, 1, sure=False))
        assert "not said for a while" in (keeper.state().reason or "")
        source.answers.set()
        wait_until(serves(keeper, 1))


def test_a_model_that_warms_up_is_no_silent_store(tmp_path: Path) -> None:
    """However long the first model takes to be quick, nobody is told that the store does not answer."""
    source = FakeSource(served(1))
    source.warms.clear()
    with keeping(source, tmp_path) as keeper:
        wait_until(serves(keeper, 1))
        time.sleep(2 * (LIMITS.patience_seconds + LIMITS.poll_seconds))
        assert source.predictors[1].warm[-1] == 2
        assert serves(keeper, 1)()


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


def test_after_the_end_nobody_begins(tmp_path: Path) -> None:
    """A closed keeper is not ready."""
    with keeping(FakeSource(served(1)), tmp_path) as keeper:
        wait_until(serves(keeper, 1))
        with keeper.hold() as loaded:
            pass
    assert not keeper.state().ready
    assert loaded.join(PATIENCE)
    with pytest.raises(NotReady, match="closing"), keeper.hold():
        pass
