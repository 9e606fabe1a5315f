"""Files in, answers out: each of its own image, by one model that is named, or a reason."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest

from apps.serving.errors import NotReady, Overloaded
from apps.serving.service import Answered, PredictionService, Refused, ServiceLimits
from storage.registry import Registry
from storage.scoring_log import load_scores
from storage.settings import Settings
from storage.store import Store
from tests.apps.serving.doubles import PATIENCE, SIDE, FakeSource, answering, png, says, served
from tests.storage.measured import read_figures
from xray_model.errors import InvalidInput
from xray_model.evaluation.drift.frame import Axes
from xray_model.evaluation.sight import Sight
from xray_model.evaluation.strangeness import UNLIKE_TRAINING, Strangeness

LIMITS = ServiceLimits(poll_seconds=0.01, batch=4, waiting=12, explanations=2)
AXES = Axes.from_array(np.eye(3)[:2] + 0.5)
KNOWN = Strangeness(np.full((1, 3), 200 / 255, np.float32), 0.1)


@contextmanager
def serving(
    store: Store, source: FakeSource, limits: ServiceLimits = LIMITS, *, version: int | None = 1
) -> Iterator[PredictionService]:
    """A service that a version answers in, closed in the end."""
    service = PredictionService(store.objects, Registry(Settings()), SIDE, store.spool.parent, limits, source)
    service.start()
    try:
        if version is not None:
            wait_until(lambda: answers_with(service) == version)
        yield service
    finally:
        source.go.set()
        service.close()


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def answers_with(service: PredictionService) -> int | None:
    """The version in service."""
    model = service.state().model
    return None if model is None else model.version


def ask(
    service: PredictionService, *files: bytes, explain: bool = False, record: bool = True
) -> list[Answered | Refused]:
    """The answers to some files."""
    return asyncio.run(service.answer(files, explain=explain, record=record))


def check_answer(answer: Answered | Refused, gray: int) -> int:
    """That an answer is to a picture of this gray and truly from the model that it names, whose version it gives."""
    assert isinstance(answer, Answered)
    assert int(answer.pixels[-1, -1]) == gray
    version = answer.model.version
    assert answer.prediction.version == version
    assert answer.prediction.snapshot_id == f"s{version}"
    assert answer.prediction.probabilities["covid"] == says(version, answer.pixels)
    assert answer.prediction.label == ("covid" if answer.prediction.probabilities["covid"] > 0.5 else "normal")
    return version


def test_files_are_answered_in_their_order(store: Store) -> None:
    """Each answer is to its own file, names the model, and is refused with a reason where there is no image."""
    with serving(store, FakeSource(served(1))) as service:
        first, second, third = ask(service, png(200), b"no image", png(90))
        assert check_answer(first, 200) == check_answer(third, 90) == 1
        assert isinstance(second, Refused)
        assert "not a PNG, JPEG or DICOM" in second.reason
        assert len(second.image_id) == 64
        assert isinstance(first, Answered)
        assert first.heat is None
        assert ask(service) == []


def test_a_heat_map_comes_where_it_is_asked_for(store: Store) -> None:
    """It is of the model that answered, in the frame of the pixels."""
    with serving(store, FakeSource(served(1))) as service:
        (answer,) = ask(service, png(200), explain=True)
        assert isinstance(answer, Answered)
        assert answer.heat is not None
        np.testing.assert_array_equal(answer.heat, np.full((SIDE, SIDE), 0.1, np.float32))


def test_without_a_model_it_is_not_ready(store: Store) -> None:
    """Before the first promotion, and after the end, who asks is told so."""
    with serving(store, FakeSource(None), version=None) as service:
        wait_until(lambda: "none was promoted" in (service.state().reason or ""))
        with pytest.raises(NotReady, match="none was promoted"):
            ask(service, png(9))
    with pytest.raises(NotReady, match="closing"):
        ask(service, png(9))


def test_a_model_that_fails_fails_its_own_batch_alone(store: Store) -> None:
    """The request gets the error once all its images have ended, and the next one is answered."""
    source = FakeSource(served(1))
    with serving(store, source) as service:
        with pytest.raises(ValueError, match="black"):
            ask(service, png(0), png(100))
        check_answer(ask(service, png(100))[0], 100)


def test_what_the_model_makes_no_numbers_of_is_refused(store: Store) -> None:
    """No answer is made up where a probability is not a number."""
    with serving(store, FakeSource(served(1))) as service:
        (answer,) = ask(service, png(1))
        assert isinstance(answer, Refused)
        assert "v1 makes no numbers" in answer.reason


def test_more_than_it_takes_on_is_refused_at_once(store: Store) -> None:
    """Who comes on top of what is under way may come again; who brings more than ever fits is told to bring less."""
    source = FakeSource(served(1))
    with serving(store, source) as service, ThreadPoolExecutor(1) as pool:
        source.go.clear()
        under_way = pool.submit(ask, service, *[png(100)] * 12)
        wait_until(lambda: read_figures(generate_latest(service.metrics))["xray_predict_waiting"] > 0)
        with pytest.raises(Overloaded, match="12 images are being answered"):
            ask(service, png(9))
        with pytest.raises(InvalidInput, match="send 12 or fewer"):
            ask(service, *[png(9)] * 13)
        with pytest.raises(InvalidInput, match="send 2 or fewer"):
            ask(service, *[png(9)] * 3, explain=True)
        source.go.set()
        assert len(under_way.result(PATIENCE)) == 12
        check_answer(ask(service, png(9))[0], 9)


def test_a_request_that_fails_has_logged_nothing(store: Store) -> None:
    """Who is told to ask again sends all images again: those that had been answered count once, not twice."""
    source = FakeSource(served(1))
    limits = ServiceLimits(poll_seconds=0.01, batch=1)
    with serving(store, source, limits) as service:
        with pytest.raises(ValueError, match="black"):
            ask(service, png(100), png(101), png(0))
        assert source.predictors[1].batches == [1, 1, 1]
        ask(service, png(100), png(101))
    assert len(load_log(store)) == 2


def test_the_heat_maps_of_a_request_are_taken_on_together(store: Store) -> None:
    """Whose explanations are too many at that moment is told so before any image of theirs is answered."""
    source = FakeSource(served(1))
    with serving(store, source) as service, ThreadPoolExecutor(1) as pool:
        source.go.clear()
        under_way = pool.submit(ask, service, png(100), explain=True)
        wait_until(lambda: service._explaining > 0)
        with pytest.raises(Overloaded, match="1 images are being explained"):
            ask(service, png(90), png(91), explain=True)
        source.go.set()
        assert len(under_way.result(PATIENCE)) == 1
        assert len(ask(service, png(90), png(91), explain=True)) == 2
    assert sum(source.predictors[1].batches) == 3
    assert len(load_log(store)) == 3


def test_an_answer_that_takes_too_long_is_given_up(store: Store) -> None:
    """The request ends with a reason, and leaves no image behind that the model would have to answer."""
    source = FakeSource(served(1))
    limits = ServiceLimits(poll_seconds=0.01, batch=1, waiting=4, answer_seconds=1.0)
    with serving(store, source, limits) as service:
        source.go.clear()
        with pytest.raises(Overloaded, match=r"longer than 1 seconds"):
            ask(service, png(100), png(101), png(102))
        source.go.set()
        check_answer(ask(service, png(103))[0], 103)
        assert source.predictors[1].batches == [1, 1]


def test_the_log_takes_what_was_answered(store: Store) -> None:
    """Image, model, answer, figures and place on the reference's axes; not what was refused, nor drawn examples."""
    source = FakeSource(served(1))
    axes = np.array([[0.5, 0.5, 0.5], [0.5, 0.0, 0.0], [0.0, 0.25, 0.0]])
    source.sight = Sight(Axes.from_array(axes))
    with serving(store, source) as service:
        first, _ = ask(service, png(200), b"no image")
        ask(service, png(90), record=False)
    today = datetime.now(UTC).date()
    log = load_scores(store.objects, today, today)
    assert isinstance(first, Answered)
    assert [*log["image_id"]] == [first.prediction.image_id]
    (row,) = log.to_dict("records")
    assert (row["version"], row["run_id"], row["route"], row["predicted"]) == (1, "run1", "service", "normal")
    assert row["p_covid"] == pytest.approx(first.prediction.probabilities["covid"])
    assert (row["bits"], row["window_path"], row["max"]) == (8, "display", 255)
    level = 200 / 255 - 0.5
    assert (row["e_00"], row["e_01"]) == (pytest.approx(level / 0.5), pytest.approx(level / 0.25))


@pytest.mark.parametrize("first", [Sight(), Sight(AXES), Sight(strangeness=KNOWN)])
def test_what_a_model_is_checked_by_is_found_when_it_comes(
    store: Store, monkeypatch: pytest.MonkeyPatch, first: Sight
) -> None:
    """A night after a promotion makes what is missing; from then on answers are placed and checked by it."""
    monkeypatch.setattr("apps.serving.champion._SIGHT_SECONDS", 0.01)
    source = FakeSource(served(1))
    source.sight = first
    with serving(store, source) as service:
        wait_until(lambda: len(source.sights) > 2)
        assert service.state().unchecked == first.unchecked
        source.sight = Sight(AXES, KNOWN)
        asked = len(source.sights)
        wait_until(lambda: len(source.sights) > asked)
        ask(service, png(200))
        assert len(source.sights) - asked <= 2
        assert service.state().unchecked is None
    today = datetime.now(UTC).date()
    assert "e_00" in load_scores(store.objects, today, today)


def test_an_image_unlike_the_known_ones_is_warned_of(store: Store) -> None:
    """The answer stands, and says that it deserves less trust; one that is alike has no such warning."""
    source = FakeSource(served(1))
    source.sight = Sight(strangeness=KNOWN)
    with serving(store, source) as service:
        answers = ask(service, png(200), png(90))
        for answer, strange in zip(answers, (False, True), strict=True):
            assert isinstance(answer, Answered)
            assert (UNLIKE_TRAINING in answer.prediction.warnings) == strange


def test_figures_tell_what_happened(store: Store) -> None:
    """Requests by their end, images, batches, the model and what is lost."""
    with serving(store, FakeSource(served(1))) as service:
        ask(service, png(200), b"no image")
        with pytest.raises(ValueError, match="black"):
            ask(service, png(0))
        figures = read_figures(generate_latest(service.metrics))
    assert figures["xray_predict_requests_total answered"] == 1
    assert figures["xray_predict_requests_total failed"] == 1
    assert figures["xray_predict_requests_total overloaded"] == 0
    assert figures["xray_predict_images_total answered"] == figures["xray_predict_images_total refused"] == 1
    assert figures["xray_predict_seconds_count"] == 1
    assert figures["xray_predict_batch_images_count"] == 2
    assert (figures["xray_predict_ready"], figures["xray_predict_model_version"]) == (1, 1)
    assert figures["xray_predict_unsure_since_timestamp_seconds"] == 0
    assert figures["xray_predict_unkept"] == 0
    assert figures["xray_predict_waiting"] == figures["xray_predict_log_rows_lost_total"] == 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    requests=st.lists(st.lists(st.integers(2, 255), min_size=1, max_size=4), min_size=1, max_size=8),
    promoted=st.lists(st.integers(1, 4), min_size=1, max_size=4),
)
def test_no_request_is_lost_and_no_answer_mixes_two_models(
    store: Store, requests: list[list[int]], promoted: list[int]
) -> None:
    """While the champion moves, each image is answered once, and all of a request by the one model they name."""
    source = FakeSource(served(1))
    limits = ServiceLimits(poll_seconds=0.001, batch=3, waiting=64)
    with serving(store, source, limits) as service, ThreadPoolExecutor(4) as pool:
        under_way = [pool.submit(ask, service, *map(png, grays), record=False) for grays in requests]
        for version in promoted:
            source.champion = served(version)
            time.sleep(0.003)
        for grays, future in zip(requests, under_way, strict=True):
            versions = {check_answer(*pair) for pair in zip(future.result(PATIENCE), grays, strict=True)}
            assert len(versions) == 1
            assert versions <= {1, *promoted}


def test_promotions_under_load_lose_nothing(store: Store) -> None:
    """Eight clients ask without a pause while the champion moves: no failure, every model is heard, and each ends."""
    source, before = FakeSource(served(1)), answering()
    limits = ServiceLimits(poll_seconds=0.005, batch=8, waiting=64)
    stop = threading.Event()

    def keep_asking(gray: int) -> list[int]:
        versions = []
        while not stop.is_set():
            versions += [check_answer(one, gray) for one in ask(service, png(gray), png(gray))]
        return versions

    with serving(store, source, limits) as service, ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(keep_asking, 20 * number) for number in range(1, 9)]
        for version in (2, 3, 1, 4):
            source.champion = served(version)
            wait_until(lambda version=version: answers_with(service) == version)  # type: ignore[misc]
            time.sleep(0.1)
        stop.set()
        heard = [client.result(PATIENCE) for client in clients]
        figures = read_figures(generate_latest(service.metrics))
    assert {version for one in heard for version in one} == {1, 2, 3, 4}
    for one in heard:
        order = iter((1, 2, 3, 1, 4))
        assert all(version in order for version, _ in groupby(one)), "an old model answered after the new one"
    assert figures["xray_predict_requests_total answered"] == sum(map(len, heard)) / 2
    assert figures["xray_predict_requests_total failed"] == figures["xray_predict_requests_total overloaded"] == 0
    wait_until(lambda: answering() <= before)
    assert len(load_log(store)) == sum(map(len, heard))


def load_log(store: Store) -> list[str]:
    """The images in the log of today."""
    today = datetime.now(UTC).date()
    return [*load_scores(store.objects, today, today)["image_id"]]


def test_the_copy_lies_in_the_home(store: Store, home: Path) -> None:
    """In a folder of its own."""
    with serving(store, FakeSource(served(1))):
        pass
    assert {path.name for path in (home / "serving").iterdir()} == {"model.json", f"{served(1).model_sha256}.keras"}


def test_a_copy_that_cannot_be_kept_is_a_figure(store: Store, home: Path) -> None:
    """Whoever watches learns of it before the store is down."""
    (home / "serving").write_bytes(b"no folder")
    with serving(store, FakeSource(served(1))) as service:
        wait_until(lambda: service.state().unkept is not None)
        assert service.state().reason is None
        assert read_figures(generate_latest(service.metrics))["xray_predict_unkept"] == 1
