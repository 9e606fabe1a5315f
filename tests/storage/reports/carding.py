"""A judged model with everything that a card can show."""

import numpy as np

from storage.reports import Example, ModelCard, make_card
from tests.xray_model.evaluation.evaluations import full_evaluation, full_training, probed_table
from xray_model.outcomes import Check, Decision, PromotionOutcome, RetrainOutcome, SnapshotOutcome

SOURCES = {"bimcv": {"covid": 49, "normal": 60, "pneumonia": 5}, "kaggle": {"normal": 70, "pneumonia": 30}}
WARD = "AP images of one ward were relabelled in May, ticket 412."
SETS = "Known of Kaggle's set."


def judged_retrain(*, requires_approval: bool = False) -> RetrainOutcome:
    """v7, which took over from v6 with two conditions waived, or waits for a steward."""
    table = probed_table()
    challenger, champion = full_evaluation(table), full_evaluation(table, "champion v6", 0.05)
    decision = Decision(
        promote=True,
        checks=(
            Check(name="floor", passed=True, sentence="F1 of covid is .82, above the floor of .60."),
            Check(name="better", passed=True, sentence="P(better) is .97, .95 is needed."),
            Check(name="recall-covid", passed=True, sentence="Recall of covid goes from .79 to .84."),
            Check(name="calibration", passed=True, sentence="The calibration error is .06, .15 is allowed."),
            Check(name="subgroup-view=AP", passed=False, sentence="F1 falls from .85 to .74.", waiver=WARD),
            Check(name="class-by-source", passed=False, sentence="Class and source go together.", waiver=SETS),
            Check(name="lungs-hidden", passed=True, sentence="It would score .58 with the lungs hidden."),
            Check(name="left-out-source", passed=True, sentence="Only one source.", measured=False),
        ),
        minority="covid",
        minority_f1=challenger.minority_f1,
        champion_f1=champion.minority_f1,
        probability_better=0.97,
        detectable=0.08,
        requires_approval=requires_approval,
    )
    counts = {"covid": 49, "normal": 130, "pneumonia": 35}
    return RetrainOutcome(
        trained=True,
        reasons=("Trained on 214 images: new accepted images.",),
        snapshot=SnapshotOutcome(
            snapshot_id="5f2c9a71", counts={"train": counts, "test": counts}, patients={"train": 150, "test": 157}
        ),
        training=full_training(),
        challenger=challenger,
        champion=champion,
        promotion=PromotionOutcome(
            decision=decision, challenger_version=7, champion_before=6, champion_after=6 if requires_approval else 7
        ),
    )


def make_examples(number: int, *, side: int = 64) -> list[Example]:
    """Gray images with heat in the middle; every second one is a miss."""
    heat = np.exp(-(((np.mgrid[0:side, 0:side] - side / 2) / (side / 5)) ** 2).sum(axis=0)).astype(np.float32)
    pixels = np.full((side, side), 90, np.uint8)
    return [
        Example(f"{place:064x}"[::-1], pixels, heat, "covid", "normal" if place % 2 else "covid", 0.5 + place / 100)
        for place in range(number)
    ]


def judged_card(retrain: RetrainOutcome, examples: int = 4) -> ModelCard:
    """Everything that can be gathered about it."""
    return make_card(retrain, table=probed_table(), sources=SOURCES, examples=make_examples(examples))
