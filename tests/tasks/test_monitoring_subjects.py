"""Around a comparison: what is looked at, how the nights on watch are counted, and what is announced."""

from datetime import UTC, datetime

import pytest

from storage.reports import write_night_page
from storage.store import Store
from tasks import monitoring
from tasks.monitoring import announce_retrain, choose_subjects, count_watched
from tests.tasks.seeing import NEW, commit_squares, drift
from xray_model.config import MonitorOptions
from xray_model.outcomes import ColumnDrift, DriftState, NightOutcome, RetrainOutcome


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"batches": ("a", "b")}, ["batch a", "batch b"]),
        ({"batches": ("a", "b"), "night": "n"}, ["batch a", "batch b", "night n*"]),
        ({"batches": ("a",), "night": "n"}, ["batch a*"]),
        (
            {"since": "2020-01-01", "until": "2020-01-31"},
            ["window 2020-01-01 to 2020-01-31", "served 2020-01-01 to 2020-01-31"],
        ),
        ({"since": "2020-01-01", "until": "2020-01-31", "served": False}, ["window 2020-01-01 to 2020-01-31"]),
        ({"until": "2020-01-31", "days": 3, "served": False}, ["window 2020-01-29 to 2020-01-31"]),
    ],
)
def test_what_is_looked_at(store: Store, fields: dict[str, object], expected: list[str]) -> None:
    """Batches and their night, or a window and its service; one subject (here with a star) counts a night's watch."""
    subjects = choose_subjects.fn(MonitorOptions.model_validate(fields))
    assert [f"{one.kind} {one.name}{'*' * one.counts_watch}" for one in subjects] == expected


def test_a_window_holds_the_batches_of_its_days(store: Store) -> None:
    """Those committed then, and none before or after."""
    commit_squares(store, "new", 1)
    assert choose_subjects.fn(MonitorOptions(days=2))[0].batches == (NEW,)
    before = MonitorOptions.model_validate({"since": "2020-01-01", "until": "2020-01-31"})
    assert choose_subjects.fn(before)[0].batches == ()


@pytest.mark.parametrize(
    ("nights", "watched"),
    [
        ([], 0),
        ([("watch", 1)], 1),
        ([("watch", 1), ("watch", 2)], 2),
        ([("watch", 1), ("unknown", 0)], 1),
        ([("watch", 1), ("ok", 0)], 0),
        ([("watch", 2), ("retrain", 0)], 0),
    ],
)
def test_nights_on_watch_are_counted(store: Store, nights: list[tuple[str, int]], watched: int) -> None:
    """In a row up to the last one that knew anything, and only against the champion in service."""
    for place, (state, count) in enumerate(nights):
        when = datetime(2026, 5, 1 + place, tzinfo=UTC)
        night = NightOutcome(
            night_id=f"{when:%Y%m%dT%H%M%SZ}-0000",
            started=when,
            finished=when,
            batches=(),
            drift=drift(DriftState(state), watched=count, champion=3),
            retrain=RetrainOutcome(trained=False, reasons=()),
            champion=None,
        )
        write_night_page(store.objects, night)
    assert count_watched(store.objects, 3) == watched
    assert count_watched(store.objects, 4) == 0


def test_the_event_names_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what moved and where the page is, and carries no id of an image or a patient."""
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(monitoring, "emit_event", lambda *about, **more: sent.append((*about, more)))
    moved = ColumnDrift(
        column="brightness",
        name="mean",
        method="wasserstein",
        score=0.5,
        threshold=0.1,
        moved=True,
        current="",
        reference="",
    )
    outcome = drift(
        DriftState.RETRAIN, subject="window", columns=(moved,), drifted=("image-1",), typical=("image-2",), champion=3
    )
    announce_retrain.fn(outcome)
    ((event, resource, more),) = sent
    assert event == "xray.drift.retrain"
    assert resource == {"prefect.resource.id": "xray.drift.window", "prefect.resource.name": NEW}
    assert "'mean'" in str(more)
    assert "image-" not in str(sent)
