"""The model card as Markdown."""

import re

import pytest

from storage.reports import render_card_markdown
from storage.reports.markdown import escape
from tests.storage.reports.carding import SETS, WARD, judged_card, judged_retrain
from xray_model.errors import InvalidInput
from xray_model.outcomes import RetrainOutcome


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
        "can detect a difference of .08 in F1 of covid",
        "| covid | .82, 95 % interval .77 to .87 |",
        "- Mean recall (balanced accuracy): .87",
        "- Expected calibration error: .06",
        f"| Whether class and source go together | waived: {SETS} | .94 | .90 |",
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


def test_card_needs_a_model() -> None:
    """A night without a registered version has no card."""
    with pytest.raises(InvalidInput, match="no version was registered"):
        render_card_markdown(RetrainOutcome(trained=False, reasons=("Nothing.",)))
