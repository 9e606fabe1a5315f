"""Files in, answers out: each of its own image, by one model that is named, or a reason."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.exposition import generate_latest

from apps.serving.errors import NotReady
from apps.serving.service import Answered, Refused
from storage.scoring_log import load_scores
from storage.store import Store
from tests.apps.serving.asking import ask, check_answer, serving, wait_until
from tests.apps.serving.doubles import SIDE, FakeSource, png, served
from tests.storage.measured import read_figures
from xray_model.evaluation.drift.frame import Axes
from xray_model.evaluation.sight import Sight
from xray_model.evaluation.strangeness import UNLIKE_TRAINING, Strangeness

AXES = Axes.from_array(np.eye(3)[:2] + 0.5)
KNOWN = Strangeness(np.full((1, 3), 200 / 255, np.float32), 0.1)


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
