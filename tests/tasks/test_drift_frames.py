"""Drift frames: what is known of an image and nothing else, computed once, as it counts now."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from storage.catalog import catalog_key, commit_batch
from storage.decisions import record_decision
from storage.references import Reference, reference_key, save_reference
from storage.scoring_log import append_scores
from storage.shards import load_shard
from storage.store import Store
from tasks import drift_frames
from tasks.drift_frames import (
    build_current,
    build_reference,
    build_served,
    join_facts,
    load_new_rows,
    load_or_build_reference,
)
from tests.tasks.seeing import CLASSES, SNAPSHOT, commit_squares, make_model, put_snapshot
from xray_model.data.decisions import propose
from xray_model.errors import ObjectNotFound
from xray_model.evaluation.drift.columns import EMBEDDING
from xray_model.evaluation.drift.frame import Axes
from xray_model.network import inference, network
from xray_model.outcomes import BatchOutcome, BatchStatus

ANSWERS = ["p_covid", "p_normal", "predicted", "uncertainty"]
NEW, LATE = "clinic.new.111111111111", "clinic.new.222222222222"


@pytest.fixture
def known(store: Store) -> pd.DataFrame:
    """A snapshot of 24 images, half of which a model learns from."""
    rows = commit_squares(store, "known", 24)
    put_snapshot(store, rows)
    return rows


@pytest.mark.parametrize("weights", [True, False])
def test_the_model_answers_for_what_it_has_not_learned_from(store: Store, known: pd.DataFrame, weights: bool) -> None:
    """A reference has the data of all images, and answers and embedding of those held back from training alone."""
    model = make_model(weights=weights)
    reference = build_reference(store, model, SNAPSHOT)
    frame = reference.frame.set_index("image_id")
    learned = known.set_index("image_id")["split"].loc[frame.index] == "train"
    seen = [name for name in EMBEDDING if name in frame]
    assert len(frame) == len(known)
    assert frame[["mean", "age", "sex", "label", "bits", "window_path"]].notna().all().all()
    assert frame.loc[learned, [*ANSWERS, *seen]].isna().all().all()
    assert frame.loc[~learned, [*ANSWERS, *seen]].notna().all().all()
    assert set(frame["bits"]) == {"12"}
    assert reference.axes is not None
    pixels = load_shard(store.objects, "clinic.known.111111111111", 0)[~learned.to_numpy()]
    frozen, head = network.split(model)
    expected = inference.predict_features(head, inference.compute_features(frozen, pixels))
    np.testing.assert_allclose(frame.loc[~learned, ["p_covid", "p_normal"]], expected, atol=2e-3)


def test_a_reference_is_computed_once(store: Store, known: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time it is read, and one that was damaged is computed again."""
    model = make_model()
    first = load_or_build_reference(store, model, "run", SNAPSHOT)
    with monkeypatch.context() as patch:
        patch.setattr(drift_frames, "build_reference", None)
        second = load_or_build_reference(store, model, "run", SNAPSHOT)
    pd.testing.assert_frame_equal(first.frame, second.frame)
    np.testing.assert_array_equal(np.asarray(first.axes), np.asarray(second.axes))
    store.objects.put(reference_key("run", SNAPSHOT), b"damaged")
    third = load_or_build_reference(store, model, "run", SNAPSHOT)
    pd.testing.assert_frame_equal(first.frame, third.frame)


def test_of_two_runs_that_make_a_reference_the_first_counts(
    store: Store, known: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second goes on with what the first kept, so that all comparisons are with one reference."""
    model = make_model()

    def be_overtaken(*about: Any) -> Reference:
        made = build_reference(*about)
        first = Reference(made.frame.assign(mean=1.0), made.axes)
        assert save_reference(store.objects, "run", SNAPSHOT, first)
        return made

    monkeypatch.setattr(drift_frames, "build_reference", be_overtaken)
    assert set(load_or_build_reference(store, model, "run", SNAPSHOT).frame["mean"]) == {1.0}


def test_new_images_are_put_on_the_references_axes(
    store: Store, known: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their embedding is the model's own, projected; some at a time gives the same as all at once."""
    commit_squares(store, "new", 70)
    model = make_model()
    axes = build_reference(store, model, SNAPSHOT).axes
    assert axes is not None
    rows = load_new_rows(store.objects, [NEW], CLASSES)[0].sample(frac=1, random_state=0)
    frame = build_current(store, model, rows, axes)
    frozen, head = network.split(model)
    pixels = load_shard(store.objects, NEW, 0)[rows["row"].to_numpy(np.intp)]
    seen = inference.predict_features(network.embedding(head), inference.compute_features(frozen, pixels))
    expected = Axes.from_array(axes).project(seen)
    np.testing.assert_allclose(frame[list(EMBEDDING[: expected.shape[1]])], expected, atol=0.1)
    monkeypatch.setattr(drift_frames, "_FEATURES_AT_ONCE", 1)
    pd.testing.assert_frame_equal(build_current(store, model, rows, axes), frame)


def test_new_images_are_compared_as_they_count_now(store: Store, known: pd.DataFrame) -> None:
    """What a person took out is not among them, nor what has another finding now than the model tells apart."""
    commit_squares(store, "new", 4)
    changes: list[tuple[str, int, dict[str, str]]] = [
        ("reject", 0, {}),
        ("relabel", 1, {"label": "normal"}),
        ("relabel", 2, {"label": "pneumonia"}),
    ]
    for action, image, more in changes:
        images = (f"new-image-{image}",)
        record_decision(
            store.objects, propose(batch_id=NEW, action=action, image_ids=images, who="ada", why="seen", **more)
        )
    rows, notes = load_new_rows(store.objects, [NEW], CLASSES)
    frame = build_current(store, make_model(), rows, None)
    assert frame["image_id"].tolist() == [f"new-image-{place}" for place in (1, 3)]
    assert frame["label"].tolist() == ["normal", "covid"]
    assert not set(EMBEDDING) & set(frame)
    assert notes == ("Not compared, since no training takes them in: 1 images of a finding that was not asked for.",)


def test_images_that_no_training_takes_in_are_not_compared(store: Store) -> None:
    """Those of a file that was sent again since, and those of a source that the champion is not trained on."""
    rows = commit_squares(store, "new", 3)
    late = rows.iloc[:1].assign(batch_id=LATE, image_id="late-image", revision=1)
    commit_batch(
        store.objects, late, BatchOutcome(batch_id=LATE, source="clinic", name="new", status=BatchStatus.ACCEPTED)
    )
    chosen, notes = load_new_rows(store.objects, [NEW], CLASSES, ["clinic"])
    assert chosen["image_id"].tolist() == ["new-image-1", "new-image-2"]
    assert notes == ("Not compared, since no training takes them in: 1 images replaced by a file sent later.",)
    assert load_new_rows(store.objects, [LATE], CLASSES)[0]["image_id"].tolist() == ["late-image"]
    chosen, notes = load_new_rows(store.objects, [NEW], CLASSES, ["elsewhere"])
    assert chosen.empty
    assert "2 images from a source that was not asked for" in notes[1]


def test_facts_are_those_of_the_row_with_pixels(store: Store) -> None:
    """Of an image that a batch holds twice the refused row tells nothing, and no row is lost or doubled."""
    rows = commit_squares(store, "known", 3)
    name = "clinic.twice.111111111111"
    twice = rows.assign(batch_id=name)
    refused = twice.assign(shard=None, row=None, bits=None, window_path=None, status="quarantined")
    outcome = BatchOutcome(batch_id=name, source="clinic", name="twice", status=BatchStatus.ACCEPTED)
    commit_batch(store.objects, pd.concat([refused, twice.assign(bits=8)]), outcome)
    asked = pd.concat([twice, rows])[["batch_id", "image_id", "shard", "row"]]
    found = join_facts(store.objects, asked)
    assert sorted(zip(found["batch_id"], found["bits"], strict=True)) == [
        *[(rows["batch_id"].iat[0], 12)] * 3,
        *[(name, 8)] * 3,
    ]


def test_a_snapshot_whose_batch_is_gone_is_said(store: Store, known: pd.DataFrame) -> None:
    """A catalog that lost a batch is no reason to compare with less."""
    store.objects.delete(catalog_key(str(known["batch_id"].iat[0])))
    with pytest.raises(ObjectNotFound):
        build_reference(store, make_model(), SNAPSHOT)


def test_what_was_served_is_a_frame(store: Store) -> None:
    """Each image counts as a patient, once; what the writer knew is compared, and what it did not is missing."""
    today = datetime.now(UTC)
    scores = pd.DataFrame(
        {
            "when": today,
            "image_id": [f"{place:064x}" for place in range(3)],
            "version": 1,
            "run_id": "run",
            "route": "service",
            "predicted": "covid",
            "p_covid": [0.5, 0.75, 1.0],
            "p_normal": [0.5, 0.25, 0.0],
            "mean": 120.0,
            "bits": [8, None, 12],
            "e_00": 0.5,
        }
    )
    append_scores(store.objects, scores.assign(p_covid=0.25, p_normal=0.75).iloc[1:])
    append_scores(store.objects, scores)
    days = (today.date() - timedelta(days=1), today.date() + timedelta(days=1))
    frame, notes = build_served(store.objects, *days, "run", CLASSES)
    assert "names no patient" in notes[0]
    assert notes[1].startswith("2 times")
    assert frame["patient_id"].tolist() == frame["image_id"].tolist() == scores["image_id"].tolist()
    assert frame["uncertainty"].round(3).tolist() == [1.0, 0.811, 0.0]
    assert frame["bits"].tolist() == ["8", pd.NA, "12"]
    assert frame["e_00"].tolist() == [0.5] * 3
    assert "source" not in frame
    assert build_served(store.objects, *days, "another run", CLASSES)[0].empty
    assert build_served(store.objects, date(2020, 1, 1), date(2020, 1, 2), "run", CLASSES)[0].empty
