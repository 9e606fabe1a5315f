"""Monitoring: what is looked at, what a comparison comes to, and what follows from it."""

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage.decisions import load_decisions, load_rows_now, record_decision
from storage.reports import read_drifts, write_night_page
from storage.scoring_log import append_scores
from storage.store import Store
from tasks import monitoring
from tasks.drift import Measured
from tasks.holding import follow_holds, hold_batch
from tasks.monitoring import Subject, announce_retrain, choose_subjects, compare, count_watched
from tests.tasks.seeing import CLASSES, SNAPSHOT, commit_squares, make_model, one_model, put_snapshot
from xray_model.config import DriftPolicy, MonitorOptions
from xray_model.data.decisions import MONITOR, Action, propose
from xray_model.evaluation.drift.comparison import Comparison
from xray_model.evaluation.drift.judging import score_columns
from xray_model.network import network
from xray_model.outcomes import (
    BatchOutcome,
    BatchStatus,
    ChampionSummary,
    ColumnDrift,
    DriftOutcome,
    DriftState,
    Interval,
    NightOutcome,
    RetrainOutcome,
)

OPTIONS = MonitorOptions(policy=DriftPolicy(permutations=200))
NEW = "clinic.new.111111111111"
CHAMPION = ChampionSummary(
    version=3,
    since=datetime(2026, 5, 1, tzinfo=UTC),
    backbone="mobilenet_v2",
    snapshot_id=SNAPSHOT,
    classes=CLASSES,
    minority="normal",
    minority_f1=Interval(value=0.9, low=0.8, high=1.0),
    patients=40,
)


@pytest.fixture
def champion(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChampionSummary:
    """A model in service with its snapshot of 160 squares; distances are measured without Evidently."""
    put_snapshot(store, commit_squares(store, "known", 160))
    network.save(make_model(), tmp_path / "model.keras")

    class OneModel:
        """A registry that holds this model."""

        def __init__(self, settings: object) -> None:
            del settings

        def model_file(self, run_id: str) -> AbstractContextManager[Path]:
            del run_id
            return one_model(tmp_path / "model.keras")

    def measure(comparison: Comparison) -> Measured:
        return Measured(score_columns(comparison), b"<html>Evidently</html>", b"{}")

    monkeypatch.setattr(monitoring, "Registry", OneModel)
    monkeypatch.setattr(monitoring, "measure", measure)
    return CHAMPION


def compare_batch(batch_id: str = NEW) -> DriftOutcome:
    """One batch against the champion's reference."""
    return compare.fn(Subject(kind="batch", name=batch_id, batches=(batch_id,)), CHAMPION, "run", OPTIONS)


def drift(state: DriftState, **more: object) -> DriftOutcome:
    """An outcome of this state."""
    return DriftOutcome(state=state, **({"reasons": ("The images are darker.",), "name": NEW} | more))


def decide(store: Store, action: str, *images: str, **more: str) -> None:
    """Record what a person decided on the new batch."""
    fields = {"who": "ada", "why": "seen"} | more
    record_decision(store.objects, propose(batch_id=NEW, action=action, image_ids=images, **fields))


def test_a_batch_like_the_reference_is_let_through(store: Store, champion: ChampionSummary) -> None:
    """It is told with its champion, snapshot and page, has pictures of both kinds, and nothing waits."""
    commit_squares(store, "new", 60)
    found = compare_batch()
    assert found.state is DriftState.OK, found.reasons
    assert (found.images, found.patients, found.reference_images) == (60, 60, 160)
    assert (found.subject, found.name, found.champion, found.snapshot_id) == ("batch", NEW, 3, SNAPSHOT)
    assert {column.name for column in found.columns} >= {"mean", "sex", "p_covid", "embedding"}
    assert read_drifts(store.objects, 5) == [found]
    assert found.page_key is not None
    pictures = [info.key for info in store.objects.list(found.page_key.removesuffix("index.html"))]
    assert {"drifted", "typical"} == {key.rpartition("/")[2].split("-")[0] for key in pictures if key.endswith(".jpg")}
    assert load_decisions(store.objects) == {}


def test_a_batch_that_looks_all_too_different_waits(store: Store, champion: ChampionSummary) -> None:
    """It is held by a recorded decision with the page's reasons, once, also where the night comes back to it."""
    commit_squares(store, "new", 60, level=60)
    found = compare_batch()
    assert found.state is DriftState.HOLD
    (hold,) = load_decisions(store.objects)[NEW]
    assert (hold.action, hold.who, hold.image_ids) == (Action.HOLD, MONITOR, ())
    assert found.reasons[0] in hold.why
    assert set(load_rows_now(store.objects, ["status"], [NEW])["status"]) == {"held"}
    again = compare_batch()
    assert again.reasons == found.reasons
    assert load_decisions(store.objects)[NEW] == [hold]


def test_a_hold_that_is_switched_off_changes_nothing(store: Store, champion: ChampionSummary) -> None:
    """The state is told all the same."""
    commit_squares(store, "new", 60, level=60)
    subject = Subject(kind="batch", name=NEW, batches=(NEW,))
    found = compare.fn(subject, CHAMPION, "run", OPTIONS.model_copy(update={"hold": False}))
    assert found.state is DriftState.HOLD
    assert load_decisions(store.objects) == {}


def test_nothing_to_compare_is_said(store: Store, champion: ChampionSummary) -> None:
    """A batch without an image that counts, a window without batches, and a service that nobody asked."""
    commit_squares(store, "new", 4)
    decide(store, "reject")
    day = datetime(2020, 1, 1, tzinfo=UTC).date()
    window = Subject(kind="window", name="2020-01-01 to 2020-01-01", since=day, until=day)
    for subject, words in (
        (Subject(kind="batch", name=NEW, batches=(NEW,)), "None of its images"),
        (window, "No batch came"),
        (window.model_copy(update={"kind": "served"}), "Nothing was predicted"),
    ):
        found = compare.fn(subject, CHAMPION, "run", OPTIONS)
        assert found.state is DriftState.UNKNOWN
        assert found.reasons[0].startswith(words)
        assert (found.subject, found.champion) == (subject.kind, 3)


def test_too_few_patients_are_said_on_a_page(store: Store, champion: ChampionSummary) -> None:
    """Nothing is known of them, and the page says how many are needed."""
    commit_squares(store, "new", 5)
    found = compare_batch()
    assert found.state is DriftState.UNKNOWN
    assert "30" in " ".join(found.reasons)
    assert found.page_key is not None


def test_what_was_served_is_compared(store: Store, champion: ChampionSummary) -> None:
    """Darker pictures in service are found by their figures, though there are neither pixels nor patients."""
    now, rng = datetime.now(UTC), np.random.default_rng(0)
    scores = pd.DataFrame(
        {
            "when": now,
            "image_id": [f"{place:064x}" for place in range(60)],
            "version": 3,
            "run_id": "run",
            "route": "service",
            "source": "clinic",
            "predicted": rng.choice(CLASSES, 60),
            "p_covid": 0.5,
            "p_normal": 0.5,
            "mean": rng.normal(60, 12, 60),
        }
    )
    append_scores(store.objects, scores)
    days = {"since": now.date() - timedelta(days=1), "until": now.date() + timedelta(days=1)}
    found = compare.fn(Subject(kind="served", name="lately", **days), CHAMPION, "run", OPTIONS)
    assert found.images == 60
    assert [column.name for column in found.columns if column.moved and column.name == "mean"], found
    assert found.state not in {DriftState.OK, DriftState.UNKNOWN}


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


def test_what_a_person_let_in_is_not_held(store: Store) -> None:
    """The outcome says who did, and no decision is added; the same where a person took a hold back."""
    commit_squares(store, "new", 2)
    decide(store, "release", "new-image-0")
    found = hold_batch(store.objects, drift(DriftState.HOLD))
    assert "ada looked at it" in found.reasons[-1]
    assert len(load_decisions(store.objects)[NEW]) == 1


def test_a_taken_back_hold_is_not_repeated(store: Store) -> None:
    """A person has decided about it; reasons that do not fit on a line are no obstacle to the first one."""
    commit_squares(store, "new", 2)
    assert hold_batch(store.objects, drift(DriftState.HOLD, reasons=("New\nmaker \x1b.", "x" * 3000))).reasons
    (hold,) = load_decisions(store.objects)[NEW]
    decide(store, "undo", undoes=hold.id)
    assert "took that back" in hold_batch(store.objects, drift(DriftState.HOLD)).reasons[-1]
    assert len(load_decisions(store.objects)[NEW]) == 2


def test_a_night_tells_of_a_held_batch_as_held(store: Store) -> None:
    """Its accepted images wait, with the reasons of the drift, until somebody decides; other batches stay."""
    commit_squares(store, "new", 3)
    batch, other = (
        BatchOutcome(
            batch_id=name, source="clinic", name="x", status=BatchStatus.ACCEPTED, accepted=3, reasons=("Odd.",)
        )
        for name in (NEW, "clinic.other.111111111111")
    )
    assert follow_holds.fn((batch, other)) == (batch, other)
    hold_batch(store.objects, drift(DriftState.HOLD))
    held, same = follow_holds.fn((batch, other))
    assert same == other
    assert (held.status, held.accepted, held.held) == (BatchStatus.HELD, 0, 3)
    assert held.reasons == ("Odd.", "The images are darker.")
    decide(store, "release")
    (decided,) = follow_holds.fn((batch,))
    assert (decided.status, decided.accepted, decided.held) == (BatchStatus.ACCEPTED, 3, 0)


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
