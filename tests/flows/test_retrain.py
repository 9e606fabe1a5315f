"""A retraining stops before it trains on what breaks a rule, and no failure after it costs what it trained."""

from itertools import count
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd
import pytest

from flows import retrain as flow
from flows.running import run_flow
from storage.catalog import commit_batch
from storage.ledger import append_entry
from storage.registry import Registry
from storage.reports import keys
from storage.shards import array_bytes, shard_key
from storage.store import Store
from tasks.promotion import find_standing
from tests.registering import begin_run, evaluation, training
from tests.storage.entries import decision, gate
from xray_model.config import GatePolicy, RetrainOptions, ShortcutBounds, SnapshotOptions, TrainingOptions
from xray_model.errors import (
    ConfigurationError,
    InvalidInput,
    LeakFound,
    ObjectNotFound,
    SnapshotRefused,
    XrayError,
)
from xray_model.network import inference
from xray_model.outcomes import (
    BatchOutcome,
    BatchStatus,
    EvaluationOutcome,
    ProbeName,
    RetrainOutcome,
    SnapshotOutcome,
)

if TYPE_CHECKING:
    import keras

CLASSES = ("covid", "normal")
OPTIONS = RetrainOptions(snapshot=SnapshotOptions(classes=CLASSES))

pytestmark = pytest.mark.usefixtures("prefect_server")

SPLITS = ["train"] * 24 + ["validation"] * 6 + ["test"] * 6
IMAGES = len(SPLITS)
PATIENTS = [f"{place:032x}" for place in range(IMAGES)]
PICTURES = [np.random.default_rng(place).bytes(32).hex() for place in range(IMAGES)]


def commit(store: Store, columns: dict[str, object]) -> None:
    """Put accepted images of two classes into the catalog, each of a patient of its own but for these columns."""
    rows = {
        "image_id": [f"{place:064x}" for place in range(IMAGES)],
        "batch_id": "b1",
        "source": "a",
        "key": [f"incoming/a/b1/{place}.png" for place in range(IMAGES)],
        "revision": 0,
        "patient_id": PATIENTS,
        "label": ["covid", "normal"] * (IMAGES // 2),
        "split": SPLITS,
        "status": "accepted",
        "phash": PICTURES,
        "shard": 0,
        "row": range(IMAGES),
    } | columns
    outcome = BatchOutcome(batch_id="b1", source="a", name="b1", status=BatchStatus.ACCEPTED)
    commit_batch(store.objects, pd.DataFrame(rows), outcome, ())


@pytest.mark.parametrize(
    ("planted", "error", "told"),
    [
        (
            {"patient_id": [*PATIENTS[:-1], PATIENTS[0]]},
            LeakFound,
            "1 patients stand in more than one split",
        ),
        (
            {"phash": [*PICTURES[:-1], PICTURES[0]]},
            SnapshotRefused,
            "Two splits hold nearly the same picture",
        ),
    ],
    ids=["a test patient in training", "a test picture in training"],
)
def test_a_planted_leak_stops_the_run_before_training(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    planted: dict[str, object],
    error: type[XrayError],
    told: str,
) -> None:
    """The flow fails with words, and no training was begun."""
    begun: list[object] = []
    monkeypatch.setattr(flow, "train_challenger", lambda *given: begun.append(given))
    commit(store, planted)
    with pytest.raises(error, match=told):
        run_flow(flow.retrain, OPTIONS)
    assert begun == []


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, registry: Registry) -> list[object]:
    """A retraining without images: every step up to the gate is a stand-in; gives the champions that it judged."""
    judged: list[object] = []
    counts = {split: {"covid": 50, "normal": 20} for split in ("train", "validation", "test")}
    snapshot = SnapshotOutcome(snapshot_id="s", counts=counts, patients={})

    def judge(_: EvaluationOutcome, champion: EvaluationOutcome | None, *__: object) -> object:
        judged.append(champion)
        return decision()

    monkeypatch.setattr(flow, "build_snapshot", lambda _: snapshot)
    monkeypatch.setattr(flow, "check_snapshot", lambda *_: None)
    monkeypatch.setattr(flow, "train_challenger", lambda *_: training(begin_run(registry)))
    monkeypatch.setattr(flow, "evaluate_model", lambda *_, **__: evaluation())
    monkeypatch.setattr(flow, "decide_promotion", judge)
    monkeypatch.setattr(flow, "write_model_report", lambda _: None)
    return judged


@pytest.mark.usefixtures("quick", "store")
def test_a_page_that_fails_does_not_undo_a_promotion(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is in service and the outcome says so, and that its page is missing; the next run writes it."""
    told: list[RetrainOutcome] = []

    def fail(_: RetrainOutcome) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(flow, "write_model_report", fail)
        outcome = run_flow(flow.retrain, OPTIONS)
    assert outcome.promotion.champion_after == outcome.promotion.challenger_version
    assert "page could not be written" in outcome.reasons[-1]
    monkeypatch.setattr(flow, "write_model_report", told.append)
    assert not run_flow(flow.retrain, OPTIONS).trained
    assert [one.promotion for one in told] == [outcome.promotion]
    assert told[0].training == outcome.training


def lose_nothing(*_: object, **__: object) -> EvaluationOutcome:
    """A champion that can be scored."""
    return evaluation()


def lose_file(_: str, model: str, *__: object, **___: object) -> EvaluationOutcome:
    """A champion whose file is gone."""
    if model != "challenger":
        raise ObjectNotFound(model)
    return evaluation()


def lose_bytes(_: str, model: str, *__: object, **___: object) -> EvaluationOutcome:
    """A champion whose file cannot be loaded."""
    if model != "challenger":
        raise InvalidInput(model)
    return evaluation()


@pytest.mark.parametrize(
    ("version", "evaluate"), [(99, lose_nothing), (1, lose_file), (1, lose_bytes)], ids=["version", "file", "bytes"]
)
def test_a_champion_that_cannot_be_scored_reaches_the_gate(
    store: Store, quick: list[object], monkeypatch: pytest.MonkeyPatch, version: int, evaluate: object
) -> None:
    """Whatever became of it, the policy says what follows, and the night does not fail."""
    append_entry(store.objects, gate(0, version))
    monkeypatch.setattr(flow, "evaluate_model", evaluate)
    assert run_flow(flow.retrain, OPTIONS).trained
    assert quick == [None]


def test_a_champion_of_another_registry_stops_the_run_before_training(
    store: Store, quick: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where MLflow began its numbers again, nothing is trained to be compared with a model that nobody judged."""
    append_entry(store.objects, gate(0, 1).model_copy(update={"run_id": "lost"}))
    monkeypatch.setattr(flow, "train_challenger", lambda *_: pytest.fail("trained"))
    with pytest.raises(ConfigurationError, match="not the registry that the ledger was written with"):
        run_flow(flow.retrain, OPTIONS)
    assert quick == []


LENIENT = GatePolicy(
    floor=0,
    recall_floor=0,
    skill_confidence=0,
    minimum_patients=1,
    draws=100,
    calibration_error=1,
    margin=1,
    recall_allowance=1,
    subgroup_allowance=1,
    shortcuts=ShortcutBounds(lungs_hidden=1, lungs_alone=1),
    waivers={name: "a trial" for name in get_args(ProbeName) if "lungs" not in name},
)
"""What any model passes that says numbers."""
TINY = OPTIONS.model_copy(update={"training": TrainingOptions(input_side=32, epochs=1), "gate": LENIENT})


def commit_images(store: Store) -> None:
    """The same rows with pixels: those of normal images are darker."""
    gray = np.random.default_rng(0).integers(60, 200, (IMAGES, store.side, store.side))
    gray[1::2] //= 2
    store.objects.put(shard_key("b1", 0), array_bytes(gray.astype(np.uint8)))
    commit(store, {})


@pytest.mark.parametrize(
    ("broken", "failing", "told"),
    [
        ({0}, {"finite"}, "6 of 6 predictions are not numbers"),
        ({1}, {"lungs-hidden", "lungs-alone"}, "6 of 6 predictions are not numbers with the lungs hidden"),
    ],
    ids=["whole images", "lungs hidden"],
)
def test_a_challenger_that_says_no_numbers_is_refused_in_words(
    store: Store, monkeypatch: pytest.MonkeyPatch, broken: set[int], failing: set[str], told: str
) -> None:
    """The champion stays, the decision says why, and the page is written; the champion's own scores are sound."""
    commit_images(store)
    assert run_flow(flow.retrain, TINY).promotion.champion_after == 1
    calls, predict = count(), inference.predict_features

    def break_some(head: "keras.Model", features: np.ndarray) -> np.ndarray:
        found = predict(head, features)
        return found * np.nan if head.name == "head" and next(calls) in broken else found

    monkeypatch.setattr(inference, "predict_features", break_some)
    outcome = run_flow(flow.retrain, TINY.model_copy(update={"force": True}))
    promotion = outcome.promotion
    assert (promotion.decision.promote, promotion.champion_before, promotion.champion_after) == (False, 1, 1)
    assert {check.name for check in promotion.decision.checks if not check.holds} == failing
    assert any(told in reason for reason in promotion.decision.reasons)
    assert outcome.champion.calibration is not None
    assert told in store.objects.get(keys.model_page(2)).decode()
    assert not any("page could not be written" in reason for reason in outcome.reasons)
    champion = find_standing.fn().champion
    assert champion is not None
    assert champion.version == 1
