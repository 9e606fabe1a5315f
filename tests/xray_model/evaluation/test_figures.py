"""Drawings hold their figures as text, stay small, and are the same bytes from the same figures."""

import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers

from tests.xray_model.evaluation.evaluations import full_evaluation, interval, probed_table, subgroup
from xray_model.evaluation.figures import Drawing, draw_evaluation
from xray_model.evaluation.figures.curves import MOST_POINTS, thin
from xray_model.evaluation.figures.groups import MOST_SUBGROUPS, choose_subgroups, score_probes
from xray_model.evaluation.figures.reliability import draw_reliability
from xray_model.outcomes import Calibration, ReliabilityBin

LARGEST = 60_000


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """The challenger's predictions."""
    return probed_table()


@pytest.fixture(scope="module")
def drawings(table: pd.DataFrame) -> dict[str, Drawing]:
    """Every drawing of a challenger beside a champion, by name."""
    drawn = draw_evaluation(full_evaluation(table), full_evaluation(table, "champion v6", 0.05), table)
    return {drawing.name: drawing for drawing in drawn}


def text_of(drawing: Drawing) -> str:
    """What a person reads in a drawing."""
    root = ET.fromstring(drawing.svg)  # noqa: S314 - made here
    return " | ".join(element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text"))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("scores", ["covid (minority: decides)", "F1", ".82", ".77 to .87", "challenger", "champion", ".72 to .82"]),
        ("confusion", ["is covid", "called | pneumonia", "39", "91 %", "119"]),
        ("roc", ["covid: area .91 (.89 to .93)", "pneumonia: area .95"]),
        ("precision-recall", ["covid: .83 (.79 to .87), by chance .14"]),
        ("reliability", ["share that is right", "109", "images"]),
        (
            "subgroups",
            ["sex", "F (31/102)", ".70 to .88", "age", "60-79 (20/69)", "no image of this class", "too few to say"],
        ),
        ("probes", ["lungs hidden", "metadata alone, no pixel", "lungs alone", "whole images"]),
    ],
)
def test_drawings_hold_their_figures_as_text(drawings: dict[str, Drawing], name: str, parts: list[str]) -> None:
    """Scores, intervals and counts can be read and searched in the file."""
    shown = text_of(drawings[name])
    for part in parts:
        assert part in shown


def test_every_drawing_says_what_to_see(drawings: dict[str, Drawing]) -> None:
    """A caption is one sentence, with the figure that matters most."""
    for drawing in drawings.values():
        assert re.fullmatch(r"[A-Z].*\.", drawing.caption)
        assert ". " not in drawing.caption
    assert "39 are called covid; of the 4 it misses 4 are called normal" in drawings["confusion"].caption
    assert "is .82 against the champion's .77 on the same patients" in drawings["scores"].caption
    assert "lowest for view=AP, .74, and 2 with too few patients are hollow" in drawings["subgroups"].caption
    assert "on 109 images of which it is 96 % sure and 88 % are right" in drawings["reliability"].caption
    assert ".82 with whole images" in drawings["probes"].caption


def test_same_figures_same_bytes(table: pd.DataFrame, drawings: dict[str, Drawing]) -> None:
    """A drawing made again is the same file, with no date or version in it."""
    again = draw_evaluation(full_evaluation(table), full_evaluation(table, "champion v6", 0.05), table)
    assert {drawing.name: drawing.svg for drawing in again} == {name: each.svg for name, each in drawings.items()}
    assert not any("<metadata" in drawing.svg or "dc:date" in drawing.svg for drawing in drawings.values())


def test_colours_follow_the_readers_setting(drawings: dict[str, Drawing]) -> None:
    """Every colour is one of the palette, which has a form for dark rooms."""
    for drawing in drawings.values():
        head, _, body = drawing.svg.partition("</style>")
        assert "prefers-color-scheme:dark" in head
        assert not re.search(r"(fill|stroke): (#|rgb|black)", body)


def test_drawings_of_ten_thousand_images_stay_small() -> None:
    """Many images make no large file."""
    many = probed_table(images=10_000)
    for drawing in draw_evaluation(full_evaluation(many), full_evaluation(many, "champion v6", 0.05), many):
        assert len(drawing.svg.encode()) < LARGEST


@given(numbers.arrays(np.float64, st.integers(2, 2000), elements=st.floats(0, 1)))
def test_thinning_keeps_a_curves_ends(steps: np.ndarray) -> None:
    """A thinned curve has at most so many points, all of the curve's own, and its first and last."""
    across = np.cumsum(steps) / max(steps.sum(), 1e-300)
    upward = np.linspace(0, 1, len(steps))
    thinned = thin(across, upward)
    assert len(thinned[0]) <= MOST_POINTS
    assert set(zip(*thinned, strict=True)) <= set(zip(across, upward, strict=True))
    assert (thinned[1][0], thinned[1][-1]) == (0, 1)


def test_probes_are_scored_from_the_table(table: pd.DataFrame) -> None:
    """What is drawn of a probe is the minority F1 of its column, over the images that have it."""
    partly = table.assign(predicted_alone=table["predicted_alone"].mask(table.index < 100))
    found = score_probes(full_evaluation(table), partly)
    seen = partly[100:]
    hits = ((seen["predicted_alone"] == "covid") & (seen["label"] == "covid")).sum()
    asked = (seen["predicted_alone"] == "covid").sum() + (seen["label"] == "covid").sum()
    assert found["predicted_alone"].value == pytest.approx(2 * hits / asked)
    assert found["predicted_alone"].low < found["predicted_alone"].value < found["predicted_alone"].high
    assert list(found) == ["predicted", "predicted_alone", "predicted_hidden", "predicted_metadata"]


def test_only_what_was_measured_is_drawn(table: pd.DataFrame) -> None:
    """An evaluation of an earlier version has its confusion and its scores, and nothing invented beside them."""
    bare = full_evaluation(table).model_copy(update={"calibration": None, "subgroups": (), "probes": ()})
    assert [drawing.name for drawing in draw_evaluation(bare)] == ["scores", "confusion"]
    plain = [column for column in table if not str(column).startswith("predicted_")]
    unscored = tuple(score.model_copy(update={"roc_auc": None, "average_precision": None}) for score in bare.classes)
    bare = bare.model_copy(update={"classes": unscored})
    assert [drawing.name for drawing in draw_evaluation(bare, table=table[plain])] == ["scores", "confusion"]


def test_what_a_sender_wrote_is_shown_as_it_is(table: pd.DataFrame) -> None:
    """A name with markup, a formula, a line break or reversed letters in it spoils no drawing."""
    named = subgroup("manufacturer", "<b>&$x^2$\n\u202edleh\x00", 0.8, 25)
    evaluation = full_evaluation(table).model_copy(update={"subgroups": (named,)})
    (drawing,) = (each for each in draw_evaluation(evaluation) if each.name == "subgroups")
    assert "<b>&$x^2$dleh (25/84)" in text_of(drawing)


def test_many_subgroups_are_cut_to_the_largest() -> None:
    """Of many subgroups those of the most patients are drawn, in their own order."""
    groups = [subgroup("manufacturer", f"maker {number}", 0.8, number) for number in range(60)]
    chosen = choose_subgroups(groups)
    assert [group.minority_patients for group in chosen] == list(range(60 - MOST_SUBGROUPS, 60))


def test_matplotlib_is_imported_for_drawings_alone() -> None:
    """The reports, the console's pages and the outcomes come without matplotlib, and drawing without pyplot."""
    code = (
        "import sys, storage.reports, xray_model.outcomes; print('matplotlib' in sys.modules); "
        "import xray_model.evaluation.figures; print('matplotlib.pyplot' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(("right", "said"), [(0.7, "it is surer than right"), (1.0, "more often than it is sure")])
def test_reliability_says_to_which_side_it_errs(right: float, said: str) -> None:
    """Too sure and not sure enough are told apart."""
    bin_ = ReliabilityBin(low=0.8, high=0.9, images=40, confidence=0.86, accuracy=interval(right))
    assert said in draw_reliability(Calibration(error=interval(0.15), bins=(bin_,))).caption
