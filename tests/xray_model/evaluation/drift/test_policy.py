"""What moved columns mean: a table of cases."""

import pytest

from xray_model.config import DriftPolicy
from xray_model.evaluation.drift.policy import Sources, decide
from xray_model.outcomes import ColumnDrift, DriftFamily, DriftState

POLICY = DriftPolicy(
    number_watch=0.1,
    number_retrain=0.3,
    number_hold=1.0,
    category_watch=0.05,
    category_retrain=0.12,
    category_hold=0.5,
    embedding_watch=0.55,
    embedding_retrain=0.7,
    watch_nights=3,
)
QUALITY, POPULATION, PREDICTION, EMBEDDING = DriftFamily
OK, WATCH, RETRAIN, HOLD, UNKNOWN = (
    DriftState.OK,
    DriftState.WATCH,
    DriftState.RETRAIN,
    DriftState.HOLD,
    DriftState.UNKNOWN,
)


def column(family: DriftFamily, score: float, method: str = "wasserstein", threshold: float = 0.15) -> ColumnDrift:
    """A column at this distance."""
    return ColumnDrift(
        column=f"{family} {method}",
        family=family,
        method=method,
        score=score,
        threshold=threshold,
        moved=score >= threshold,
        current="now",
        reference="before",
        sentence=f"Something of {family} differs." if score >= threshold else "",
    )


def category(family: DriftFamily, score: float, threshold: float = 0.08) -> ColumnDrift:
    """A category at this distance."""
    return column(family, score, "jensenshannon", threshold)


def seen(auc: float, threshold: float = 0.56) -> ColumnDrift:
    """What the model sees, told apart so well."""
    return column(EMBEDDING, auc, "domain_classifier", threshold)


STILL = (column(QUALITY, 0.05), category(POPULATION, 0.02), column(PREDICTION, 0.1), seen(0.5))


@pytest.mark.parametrize(
    ("columns", "new_sources", "watched", "state"),
    [
        ((), (), 0, UNKNOWN),
        ((), ("ward",), 5, UNKNOWN),
        (STILL, (), 0, OK),
        (STILL, (), 7, OK),
        (STILL, ("ward",), 0, OK),
        ((column(QUALITY, 0.9, threshold=0.95),), (), 0, OK),
        ((column(QUALITY, 1.2, threshold=1.3),), (), 0, OK),
        ((seen(0.8, threshold=0.85),), (), 0, OK),
        ((*STILL, column(QUALITY, 0.15)), (), 0, WATCH),
        ((*STILL, column(QUALITY, 0.29)), (), 1, WATCH),
        ((*STILL, column(QUALITY, 0.29)), (), 2, RETRAIN),
        ((*STILL, column(QUALITY, 0.29)), (), 9, RETRAIN),
        ((*STILL, column(QUALITY, 0.3)), (), 0, RETRAIN),
        ((*STILL, column(QUALITY, 0.99)), (), 0, RETRAIN),
        ((*STILL, column(QUALITY, 1.0)), (), 0, HOLD),
        ((*STILL, column(QUALITY, 1.0)), (), 2, HOLD),
        ((*STILL, column(QUALITY, 1.0)), ("ward",), 0, RETRAIN),
        ((*STILL, column(POPULATION, 5.0)), (), 0, RETRAIN),
        ((*STILL, column(PREDICTION, 5.0)), (), 0, RETRAIN),
        ((*STILL, category(QUALITY, 0.1)), (), 0, WATCH),
        ((*STILL, category(QUALITY, 0.12)), (), 0, RETRAIN),
        ((*STILL, category(QUALITY, 0.49)), (), 0, RETRAIN),
        ((*STILL, category(QUALITY, 0.5)), (), 0, HOLD),
        ((*STILL, category(POPULATION, 0.8)), (), 0, RETRAIN),
        ((*STILL, category(POPULATION, 0.11)), (), 0, WATCH),
        ((*STILL, seen(0.69)), (), 0, WATCH),
        ((*STILL, seen(0.7)), (), 0, RETRAIN),
        ((*STILL, seen(1.0)), (), 0, RETRAIN),
        ((*STILL, seen(0.69), column(QUALITY, 1.4)), (), 0, HOLD),
        ((column(QUALITY, 0.2), column(POPULATION, 0.2), column(PREDICTION, 0.2)), (), 0, WATCH),
    ],
)
def test_state(columns: tuple[ColumnDrift, ...], new_sources: tuple[str, ...], watched: int, state: DriftState) -> None:
    """The farthest moved column decides, hold needs a fault of quality of known sources, and nights on watch add up."""
    found, reasons = decide(columns, Sources(known=not new_sources, new=new_sources), POLICY, watched)
    assert found is state
    assert all(reasons)
    assert reasons


def test_reasons_say_what_moved_and_by_how_much() -> None:
    """First the rule, then each family that moved with its distances, then what changed, the farthest first."""
    columns = (*STILL, category(POPULATION, 0.2), column(QUALITY, 1.25), seen(0.93))
    assert decide(columns, Sources(), POLICY, 0)[1] == (
        "A known source sends other pictures than before: quality wasserstein.",
        "Image quality moved: quality wasserstein by 1.2 standard deviations.",
        "The population moved: population jensenshannon by a Jensen-Shannon distance of .20.",
        "What the model sees moved by a ROC AUC of .93.",
        "Something of quality differs.",
        "Something of embedding differs.",
        "Something of population differs.",
    )


def test_a_distance_without_a_scale_is_not_counted_out() -> None:
    """Where the reference hardly varied, so many deviations say nothing: they are told as many."""
    reasons = decide((column(POPULATION, 219.4),), Sources(), POLICY, 0)[1]
    assert reasons[1] == "The population moved: population wasserstein by over 10 standard deviations."


def test_new_sources_are_named() -> None:
    """Of a new source everything looks new: the reason names it and asks for a retraining."""
    state, reasons = decide((column(QUALITY, 2.0),), Sources(known=False, new=("clinic", "ward")), POLICY, 0)
    assert state is RETRAIN
    assert "clinic, ward" in reasons[0]


def test_nights_on_watch_are_counted() -> None:
    """The reason says how many nights in a row were on watch."""
    assert "night 3 on watch" in decide((column(QUALITY, 0.2),), Sources(), POLICY, 2)[1][0]


@pytest.mark.parametrize(("score", "state"), [(0.05, RETRAIN), (0.2, RETRAIN), (1.2, HOLD)])
def test_first_images_of_a_source_ask_for_a_retraining(score: float, state: DriftState) -> None:
    """A new source beside known ones asks for a retraining by itself, and hides no fault of a known one."""
    found, reasons = decide((column(QUALITY, score),), Sources(first=("clinic",)), POLICY, 0)
    assert found is state
    assert "The model has not learned from clinic yet." in reasons


def test_images_of_no_known_source_are_not_held() -> None:
    """Where it is not known whose images they are, no known source can have a fault."""
    assert decide((column(QUALITY, 2.0),), Sources(known=False), POLICY, 0)[0] is RETRAIN


def test_a_trifle_beside_what_hardly_varied_is_no_fault() -> None:
    """Only the part of a distance that counts asks for more than a watchful eye, and no deviations are told."""
    moved = column(QUALITY, 2.0).model_copy(update={"name": "saturated"})
    state, reasons = decide((moved,), Sources(), POLICY, 0, {"saturated": 0.05})
    assert state is WATCH
    assert reasons[1] == "Image quality moved: quality wasserstein, which hardly varied before."
