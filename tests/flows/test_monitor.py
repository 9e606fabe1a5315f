"""The flow `monitor`: every subject has an outcome, whatever became of the others, and a retraining is announced."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from flows import monitor as flow
from flows.running import run_flow
from storage.store import Store
from tasks.monitoring import Subject
from tasks.promotion import Standing
from xray_model.config import MonitorOptions
from xray_model.errors import InvalidInput
from xray_model.outcomes import ChampionSummary, DriftOutcome, DriftState, Interval, MonitorOutcome

pytestmark = pytest.mark.usefixtures("prefect_server")

CHAMPION = ChampionSummary(
    version=1,
    since=datetime(2026, 5, 1, tzinfo=UTC),
    backbone="basic_cnn",
    snapshot_id="0123456789abcdef",
    classes=("covid", "normal"),
    minority="normal",
    minority_f1=Interval(value=0.9, low=0.8, high=1.0),
    patients=4,
)
Announced = list[str]


def monitor(**options: object) -> MonitorOutcome:
    """One run."""
    found: MonitorOutcome = run_flow(flow.monitor, MonitorOptions.model_validate(options))
    return found


@pytest.fixture
def announced(store: Store, monkeypatch: pytest.MonkeyPatch) -> Announced:
    """A champion against whom batches compare as they are called; gives the subjects whose retraining is announced."""
    names: Announced = []

    def compare(subject: Subject, *about: object) -> DriftOutcome:
        del about
        if subject.name == "foreseen":
            raise InvalidInput("the snapshot is gone")
        if subject.name == "unforeseen":
            raise ZeroDivisionError("miller.png")
        state = DriftState(subject.name) if subject.kind == "batch" else DriftState.RETRAIN
        return DriftOutcome(
            state=state,
            reasons=("Told.", *subject.unjudged),
            subject=subject.kind,
            name=subject.name,
            page_key="page",
            report_key="report",
        )

    replaced: dict[str, Callable[..., object]] = {
        "find_standing": lambda: Standing(champion=CHAMPION),
        "find_champion_run": lambda _: "run",
        "compare": compare,
        "announce_retrain": lambda drift: names.append(f"{drift.subject} {drift.name}"),
        "keep_history": lambda: None,
    }
    for name, instead in replaced.items():
        monkeypatch.setattr(flow, name, instead)
    return names


def test_one_that_fails_does_not_stop_the_others(announced: Announced) -> None:
    """Nothing is known of it, for a reason that is told where it was foreseen, and the next are compared."""
    found = monitor(batches=("foreseen", "unforeseen", "ok"))
    assert [drift.state for drift in found.drifts] == [DriftState.UNKNOWN, DriftState.UNKNOWN, DriftState.OK]
    assert found.drifts[0].reasons == ("Drift could not be measured: the snapshot is gone",)
    assert "ZeroDivisionError" in found.drifts[1].reasons[0]
    assert "miller" not in found.model_dump_json()
    assert announced == []


def test_a_history_that_cannot_be_kept_costs_nothing(announced: Announced, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found counts, and the next run brings the history up to date."""
    asked = []

    def fail() -> None:
        asked.append(True)
        raise OSError("the disk is full")

    monkeypatch.setattr(flow, "keep_history", fail)
    found = monitor(batches=("watch",))
    assert asked
    assert found.drifts[0].state is DriftState.WATCH


def test_a_retraining_is_announced(announced: Announced) -> None:
    """Of each subject that asks for one, unless the caller trains anyway."""
    monitor(batches=("ok", "retrain", "watch", "hold"))
    assert announced == ["batch retrain"]
    monitor(days=2)
    assert [name.split()[0] for name in announced[1:]] == ["window", "served"]
    monitor(batches=("retrain",), announce=False)
    assert len(announced) == 3


def test_a_night_of_one_batch_is_compared_once(announced: Announced) -> None:
    """The batch's comparison is the night's too; several have one together, which is told what theirs left open."""
    alone = monitor(batches=("watch",), night="n")
    assert [(drift.subject, drift.name, drift.state) for drift in alone.drifts] == [
        ("batch", "watch", DriftState.WATCH),
        ("night", "n", DriftState.WATCH),
    ]
    assert alone.of("night")[0].page_key == alone.of("batch")[0].page_key
    several = monitor(batches=("watch", "ok", "unknown", "hold", "foreseen"), night="n", announce=False)
    assert several.of("night")[0].reasons[1:] == ("unknown", "hold", "foreseen")
    assert [drift.state for drift in several.of("night")] == [DriftState.RETRAIN]


def test_without_a_champion_nothing_is_known(store: Store) -> None:
    """A first run says so of everything that it was asked to look at."""
    found = monitor(batches=("a", "b"), night="n")
    assert [drift.subject for drift in found.drifts] == ["batch", "batch", "night"]
    assert {drift.state for drift in found.drifts} == {DriftState.UNKNOWN}
    assert all("no champion yet" in drift.reasons[0] for drift in found.drifts)


def test_a_champion_that_the_registry_lost_is_said(announced: Announced, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can say what it sees, and nothing is announced."""
    monkeypatch.setattr(flow, "find_champion_run", lambda _: None)
    (found,) = monitor(batches=("retrain",)).drifts
    assert found.state is DriftState.UNKNOWN
    assert "lost champion v1" in found.reasons[0]
    assert announced == []
