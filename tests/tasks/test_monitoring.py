"""Monitoring: what a comparison comes to, and what follows from it."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from storage.catalog import load_rows
from storage.decisions import load_decisions, load_rows_now
from storage.references import Reference
from storage.reports import read_drifts
from storage.retrainings import save_retraining
from storage.scoring_log import append_scores
from storage.snapshots import COLUMNS, OTHER_SOURCE, snapshot_key
from storage.store import Store
from tasks import monitoring
from tasks.drift_frames import build_current, load_or_build_reference
from tasks.holding import follow_holds
from tasks.monitoring import Subject, choose_subjects, close_champion, compare, find_sources
from tests.tasks.seeing import (
    CHAMPION,
    CLASSES,
    NEW,
    SNAPSHOT,
    commit_squares,
    decide,
    make_model,
    monitor_against,
    put_snapshot,
)
from xray_model.config import DriftPolicy, MonitorOptions
from xray_model.data.decisions import MONITOR, Action
from xray_model.evaluation.drift.columns import EMBEDDING
from xray_model.evaluation.drift.comparison import Comparison
from xray_model.evaluation.drift.preparing import prepare
from xray_model.network import network
from xray_model.outcomes import (
    BatchOutcome,
    BatchStatus,
    ChampionSummary,
    DriftOutcome,
    DriftState,
    RetrainOutcome,
    SnapshotOutcome,
)

OPTIONS = MonitorOptions(policy=DriftPolicy(permutations=200))


@pytest.fixture
def champion(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChampionSummary]:
    """A model in service with its snapshot of 160 squares; distances are measured without Evidently."""
    put_snapshot(store, commit_squares(store, "known", 160))
    network.save(make_model(), tmp_path / "model.keras")
    monitor_against(tmp_path / "model.keras", monkeypatch)
    close_champion()
    yield CHAMPION
    close_champion()


def compare_batch(batch_id: str = NEW) -> DriftOutcome:
    """One batch against the champion's reference."""
    return compare.fn(Subject(kind="batch", name=batch_id, batches=(batch_id,)), CHAMPION, "run", OPTIONS)


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


def compare_night(*batches: str, **options: object) -> list[DriftOutcome]:
    """Batches and their night, as the flow compares them."""
    found: list[DriftOutcome] = []
    chosen = OPTIONS.model_copy(update={"batches": batches, "night": "n", **options})
    for subject in choose_subjects.fn(chosen):
        found.append(compare.fn(subject.after(found), CHAMPION, "run", chosen))
    return found


def test_a_held_night_holds_the_batches_too_small_to_tell(store: Store, champion: ChampionSummary) -> None:
    """Three dark batches of 20 patients wait with their night, and one that by itself looks alike does not."""
    small = [f"clinic.new{place}.111111111111" for place in range(3)]
    for place in range(3):
        commit_squares(store, f"new{place}", 20, level=40)
    commit_squares(store, "new", 40)
    *each, night = compare_night(*small, NEW)
    assert [one.state for one in each] == [DriftState.UNKNOWN] * 3 + [DriftState.OK]
    assert (night.state, night.held) == (DriftState.HOLD, True)
    assert night.reasons[-1].endswith("clinic / new0, clinic / new1, clinic / new2.")
    held = load_rows_now(store.objects, ["batch_id"], statuses=("held",))
    assert sorted(held["batch_id"].unique()) == small
    batch = BatchOutcome(batch_id=small[0], source="clinic", name="new0", status=BatchStatus.ACCEPTED, accepted=20)
    (told,) = follow_holds.fn((batch,))
    assert (told.status, told.held) == (BatchStatus.HELD, 20)
    assert told.reasons[0].startswith("The images of the night as a whole look all too different")


def test_a_night_that_only_looks_holds_nothing(store: Store, champion: ChampionSummary) -> None:
    """The state is told, and that nothing waits."""
    small = [f"clinic.new{place}.111111111111" for place in range(3)]
    for place in range(3):
        commit_squares(store, f"new{place}", 20, level=40)
    night = compare_night(*small, hold=False)[-1]
    assert (night.state, night.held) == (DriftState.HOLD, False)
    assert load_decisions(store.objects) == {}


def test_images_that_the_champion_knows_are_not_compared_with_themselves(
    store: Store, champion: ChampionSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it answers to images it has learned from is left out, and the reference is without those compared."""
    snapshot = pd.read_parquet(io.BytesIO(store.objects.get(snapshot_key(SNAPSHOT))))
    commit_squares(store, "old", 60)
    rows = load_rows(store.objects, list(snapshot.columns), ["clinic.old.111111111111"])
    put_snapshot(store, pd.concat([snapshot, rows]))
    seen: list[pd.DataFrame] = []

    def look_and_prepare(current: pd.DataFrame, reference: pd.DataFrame, *about: Any) -> Comparison:
        seen.extend([current, reference])
        return prepare(current, reference, *about)

    monkeypatch.setattr(monitoring, "prepare", look_and_prepare)
    found = compare_batch("clinic.old.111111111111")
    current, reference = seen
    learned = current["image_id"].isin(rows["image_id"][rows["split"] == "train"])
    answers = ["p_covid", "p_normal", "predicted", "uncertainty", "e_00"]
    assert learned.sum() == 30
    assert current.loc[learned, answers].isna().all().all()
    assert current.loc[~learned, answers].notna().all().all()
    assert current[["mean", "sex"]].notna().all().all()
    assert len(reference) == 160
    assert not set(current["image_id"]) & set(reference["image_id"])
    assert found.notes[0].startswith("The champion has learned from 30 of these images")
    assert found.notes[1].startswith("Of the reference 60 images are left out")


def test_a_reference_of_these_images_alone_says_nothing(store: Store, champion: ChampionSummary) -> None:
    """A batch that is all the champion has seen is compared with nothing, and that is said."""
    found = compare_batch("clinic.known.111111111111")
    assert found.state is DriftState.UNKNOWN
    assert found.reasons == ("The reference has no image that is not among these themselves.",)


def test_a_champion_of_some_sources_is_not_asked_about_others(store: Store, champion: ChampionSummary) -> None:
    """Its training left images of other sources out, as it will the next time: they are not compared."""
    assert find_sources(store.objects, CHAMPION, "run") == ()
    snapshot = SnapshotOutcome(snapshot_id=SNAPSHOT, counts={}, patients={}, excluded={OTHER_SOURCE: 9})
    save_retraining(store.objects, "run", RetrainOutcome(trained=True, reasons=(), snapshot=snapshot))
    assert find_sources(store.objects, CHAMPION, "run") == ("clinic",)


def test_model_and_reference_are_opened_once_for_all_subjects(
    store: Store, champion: ChampionSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the run lets go of them."""
    opened: list[str] = []

    def load_or_build(*about: Any) -> Reference:
        opened.append(str(about[-1]))
        return load_or_build_reference(*about)

    monkeypatch.setattr(monitoring, "load_or_build_reference", load_or_build)
    commit_squares(store, "new", 31)
    for _ in range(2):
        compare_batch()
    assert len(opened) == 1
    close_champion()
    compare_batch()
    assert len(opened) == 2


def test_the_champion_is_made_to_tell_what_is_strange(
    store: Store, champion: ChampionSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is compared with, by the snapshot that it was trained on, whichever the reference is of."""
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(monitoring, "complete_strangeness", lambda *about: asked.append(about[2:]))
    commit_squares(store, "new", 31)
    compare_batch()
    assert asked == [("run", SNAPSHOT)]


def test_a_hold_that_is_switched_off_changes_nothing(store: Store, champion: ChampionSummary) -> None:
    """The state is told all the same."""
    commit_squares(store, "new", 60, level=60)
    subject = Subject(kind="batch", name=NEW, batches=(NEW,))
    looking = OPTIONS.model_copy(update={"hold": False})
    found = compare.fn(subject, CHAMPION, "run", looking)
    assert (found.state, found.held) == (DriftState.HOLD, False)
    assert load_decisions(store.objects) == {}
    assert compare_batch().held
    assert compare.fn(subject, CHAMPION, "run", looking).held


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
    append_scores(store.objects, scores.drop(columns="source").assign(run_id="other run"))
    found = compare.fn(Subject(kind="served", name="lately", **days), CHAMPION, "other run", OPTIONS)
    assert "source" not in {column.name for column in found.columns}
    assert "unknown" not in str(found.reasons)


def test_answers_are_not_put_on_the_axes_of_another_snapshot(store: Store, champion: ChampionSummary) -> None:
    """The log has them on those of the champion's own reference: beside any other, equal images would have moved."""
    own = load_or_build_reference(store, make_model(), "run", SNAPSHOT)
    other = "fedcba9876543210"
    buffer = io.BytesIO()
    commit_squares(store, "other", 160, level=60).reindex(columns=list(COLUMNS)).to_parquet(buffer, index=False)
    store.objects.put(snapshot_key(other), buffer.getvalue())
    now, rows = datetime.now(UTC), commit_squares(store, "new", 60, level=60)
    asked = build_current(store, make_model(), rows, own.axes)
    logged = ["p_covid", "p_normal", *(name for name in EMBEDDING if name in asked)]
    told: dict[str, Any] = {"when": now, "version": 3, "run_id": "run", "route": "service", "predicted": "covid"}
    ids = [f"{place:064x}" for place in range(60)]
    append_scores(store.objects, asked[logged].assign(**told, image_id=ids))
    served = Subject(kind="served", name="lately", since=now.date(), until=now.date())
    found = compare.fn(served, CHAMPION, "run", OPTIONS.model_copy(update={"against": other}))
    assert found.images == 60
    assert "embedding" not in {column.name for column in found.columns}
    assert "axes of the champion's own reference" in " ".join(found.notes)
    found = compare.fn(served, CHAMPION, "run", OPTIONS)
    assert "embedding" in {column.name for column in found.columns}
