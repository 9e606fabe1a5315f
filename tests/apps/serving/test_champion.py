"""The model in service: swapped without a gap, and the last good one kept where another cannot be had."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from apps.serving.errors import NotReady
from tests.apps.serving.doubles import PATIENCE, FakeSource, answering, served
from tests.apps.serving.keeping import LIMITS, keeping, serves, wait_until


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


def test_a_model_for_other_pictures_does_not_serve(tmp_path: Path) -> None:
    """One whose pixels are not the store's is refused, with what is wrong."""
    source = FakeSource(served(1))
    source.side = 32
    with keeping(source, tmp_path) as keeper:
        wait_until(lambda: "pictures of 32 pixels" in (keeper.state().reason or ""))
        assert not keeper.state().ready


def test_damaged_bounds_keep_no_model_out_of_service(tmp_path: Path) -> None:
    """It answers, and what is wrong is told."""
    source = FakeSource(served(1))
    source.bounds_damaged = True
    with keeping(source, tmp_path) as keeper:
        wait_until(lambda: keeper.state().reason == "the bounds are damaged")
        assert serves(keeper, 1, sure=False)()
        source.bounds_damaged = False
        wait_until(serves(keeper, 1))


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
