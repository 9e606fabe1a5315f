"""The model card as Markdown."""

import re
from typing import Literal

import pytest

from storage.reports import make_card, render_card_markdown
from storage.reports.cards import ProbeRow
from storage.reports.markdown import escape
from tests.storage.reports.carding import SETS, WARD, judged_card, judged_retrain
from tests.xray_model.evaluation.evaluations import CLASSES, evaluate, probed_table
from xray_model.config import GatePolicy
from xray_model.errors import InvalidInput
from xray_model.evaluation.gate import decide
from xray_model.outcomes import ProbeName, ProbeResult, RetrainOutcome


def test_card_has_what_the_page_has() -> None:
    """Use, limits, decision with waivers, figures with intervals, probes, subgroups, pictures, data and training."""
    retrain = judged_retrain()
    text = render_card_markdown(retrain, judged_card(retrain))
    for part in (
        "# Model card of v7",
        "**v7 took over from v6: F1 of covid .82, against .77.**",
        "**Not for diagnostic use**",
        "- Every training image of covid comes from bimcv",
        f"| Holds for view=AP | waived: {WARD} | F1 falls from .85 to .74. |",
        "would show a true gain of .08 or more in F1 in four of five comparisons",
        "| covid | .82, 95 % interval .77 to .87 |",
        "- Mean recall (balanced accuracy): .87",
        "- Expected calibration error: .06",
        f"| Whether class and source go together | waived: {SETS} | .94 | at most .90 |",
        "| On a source it has not learned from | not measured |",
        "| view=AP | .74, 95 % interval .65 to .83 |",
        "| manufacturer=Konica Minolta AeroDR with a long name | too few to say |",
        "![What it takes for what](confusion.svg)",
        "Snapshot `5f2c9a71`.",
        "| kaggle | 0 | 70 | 30 |",
        "- Weights came from: imagenet, sha256 abab",
    ):
        assert part in text
    assert text.endswith("Research tool. Not for diagnostic use.\n")


def test_every_table_is_whole() -> None:
    """All rows of a table have as many cells as its head."""
    retrain = judged_retrain()
    text = render_card_markdown(retrain, judged_card(retrain))
    tables = re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE)
    assert len(tables) == 6
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


def test_nothing_invented_without_figures() -> None:
    """A night of an earlier version has a card of its decision, and no empty table."""
    retrain = judged_retrain().model_copy(update={"challenger": None, "snapshot": None, "training": None})
    text = render_card_markdown(retrain)
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == ["Intended use", "What limits it", "The gate's decision"]


def test_words_of_a_sender_are_no_markup() -> None:
    """What a source or a policy wrote breaks out of no cell, and is neither Markdown nor HTML."""
    assert escape("a|b\n# <script> *x*") == "a\\|b \\# \\<script\\> \\*x\\*"


def test_no_name_of_a_patient_reaches_card_or_decision() -> None:
    """What a device or a sender wrote in the records of a few patients stands in no figure, sentence or picture."""
    table = probed_table()
    for column in ("manufacturer", "view", "sex", "source"):
        table.loc[table["patient_id"].isin(table["patient_id"].unique()[:4]), column] = "GARCIA^MARIA^19540229"
    outcome = evaluate(table, minority="covid", draws=100)
    retrain = judged_retrain()
    assert retrain.promotion is not None
    decision = decide(outcome, table, outcome, table, GatePolicy(draws=100), CLASSES)
    promotion = retrain.promotion.model_copy(update={"decision": decision})
    retrain = retrain.model_copy(update={"challenger": outcome, "promotion": promotion})
    card = make_card(retrain, table=table)
    told = [outcome.model_dump_json(), decision.model_dump_json(), render_card_markdown(retrain, card)]
    for text in [*told, *(drawing.svg for drawing in card.drawings)]:
        assert "GARCIA" not in text
        assert "19540229" not in text
    assert '"column":"manufacturer","value":"other"' in told[0]


@pytest.mark.parametrize(
    ("name", "bound", "limit", "state", "said"),
    [
        ("metadata-alone", 0.05, "at least", "within its bound", "at least .05"),
        ("lungs-hidden", 0.5, "at most", "within its bound", "at most .50"),
        ("left-out-source", 1.0, "at most", "told, without a bound", ""),
    ],
)
def test_bound_has_a_direction(
    name: ProbeName, bound: float, limit: Literal["at most", "at least"], state: str, said: str
) -> None:
    """A bound says which side of it is good; one that nothing can break is none."""
    probe = ProbeResult(name=name, value=0.4, bound=bound, limit=limit, passed=True, sentence="It is.")
    row = ProbeRow(probe, None)
    assert (row.state, row.bound) == (state, said)


def test_card_needs_a_model() -> None:
    """A night without a registered version has no card."""
    with pytest.raises(InvalidInput, match="no version was registered"):
        render_card_markdown(RetrainOutcome(trained=False, reasons=("Nothing.",)))
