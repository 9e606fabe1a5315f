"""Proposed bounds: what accepted images speak for, and what they never do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xray_model.data.bounds import DEFAULTS, Bound, Bounds
from xray_model.data.images import decode_into, describe_images
from xray_model.data.proposing import FEWEST, SHARE, Proposed, proposal_id, propose_bounds
from xray_model.data.records import DisplayHints

SOUND = {
    "std": 55.0,
    "mean": 130.0,
    "entropy": 7.3,
    "inversion": -9.0,
    "border": 0.0,
    "saturated": 0.01,
    "aspect": 1.1,
}
NONE = pd.DataFrame(columns=[*SOUND], dtype=np.float64)


def images(count: int = 400, source: str = "a", /, **figures: npt.ArrayLike) -> pd.DataFrame:
    """Accepted images of one source, alike but for some figures."""
    return pd.DataFrame({"source": [source] * count, **SOUND, **figures})


def spread(middle: float, edge: float, count: int = 400) -> npt.NDArray[np.float64]:
    """Figures around `middle` of which 1 % lie at `edge` or beyond it by nothing."""
    values = np.full(count, middle)
    values[: count // 50] = edge
    return values


def propose_one(code: str, *frames: pd.DataFrame, refused: pd.DataFrame = NONE, today: Bounds = DEFAULTS) -> Proposed:
    """The proposal for one rule."""
    accepted = pd.concat(frames, ignore_index=True)
    return next(one for one in propose_bounds(accepted, refused, today) if one.today.code == code)


@pytest.mark.parametrize(
    ("code", "figures", "words"),
    [
        ("too-few-grays", {"entropy": spread(7.3, 5.7)}, "at least 4.1"),
        ("too-few-grays", {"entropy": spread(7.3, 5.0)}, "at least 3.5"),
        ("blank", {"std": spread(55.0, 50.0)}, "at least 33.5"),
        ("too-bright", {"mean": spread(130.0, 170.4)}, "at most 211"),
        ("wide-border", {"border": spread(0.0, 0.0)}, "at most 0.23"),
        ("wide-border", {"border": spread(0.0, 0.131)}, "at most 0.27"),
        ("wide-border", {"border": spread(0.1, 0.6)}, "at most 0.6"),
        ("inverted", {"inversion": [2.31, *[-9.0] * 399]}, "at most -4.2"),
        ("inverted", {"inversion": spread(-9.0, 2.31)}, "at most 2.4"),
        ("odd-shape", {"aspect": spread(1.1, 0.9)}, "0.7 to 1.8"),
        ("odd-shape", {"aspect": spread(1.1, 3.0)}, "0.8 to 3"),
    ],
    ids=[
        "tighter: the edge pushed out by its distance from the middle",
        "no wider where nothing was accepted beyond",
        "no nearer than half the way from the first bound",
        "above",
        "all alike",
        "rounded outward",
        "wider: as far as the accepted ones",
        "a single one holds nothing up",
        "released ones",
        "both sides",
        "one tighter, one wider",
    ],
)
def test_accepted_images_speak_for_a_bound(code: str, figures: dict[str, npt.ArrayLike], words: str) -> None:
    """A bound follows the edge of the accepted images, within what keeps a proposal modest."""
    assert propose_one(code, images(**figures)).proposed.words == words


def test_few_images_propose_nothing_and_that_is_said() -> None:
    """Below the least number in every source each bound stays as it is, whatever the images look like."""
    few = [images(FEWEST - 1, source, std=90.0) for source in "abc"]
    proposals = propose_bounds(pd.concat(few), NONE, DEFAULTS)
    assert not any(one.changes for one in proposals)
    assert all("No source has 300 accepted images (the largest has 299)" in one.why for one in proposals)
    empty = propose_one("blank", few[0].iloc[:0])
    assert (empty.accepted, empty.changes) == (0, False)


def test_small_source_is_not_lost_beside_a_large_one() -> None:
    """Each source keeps its own images, however many another has."""
    large, small = images(50_000, entropy=7.3), images(300, "b", entropy=5.6)
    assert propose_one("too-few-grays", large).proposed.words == "at least 5.4"
    both = propose_one("too-few-grays", large, small)
    assert both.proposed.words == "at least 4.5"
    assert both.accepted_outside == (0, 0)
    assert "one source" in propose_one("too-few-grays", large).why
    assert "one source" not in both.why


def test_counts_are_those_outside_each_bound() -> None:
    """Accepted and quarantined images are counted under both bounds; one without the figure is not counted."""
    entropy = spread(7.3, 5.7)
    entropy[0], entropy[1] = 3.9, np.nan
    refused = pd.DataFrame({**SOUND, "entropy": [2.0, 3.0, 3.8, 7.0, None]})
    found = propose_one("too-few-grays", images(entropy=entropy), refused=refused)
    assert (found.accepted, found.accepted_outside) == (399, (0, 1))
    assert (found.refused, found.refused_outside) == (4, (2, 3))
    assert "At most 1% of each source's accepted images lie below 5.7; 4.1 leaves" in found.why


def test_why_says_who_stands_beyond() -> None:
    """A wider bound is explained by the images accepted beyond today's, and by those it does not follow."""
    found = propose_one("odd-shape", images(aspect=[*spread(1.1, 2.8)[:399], 9.0]))
    assert found.proposed.words == "0.8 to 4.5"
    assert "9 accepted images lie above 2.5: released by a person" in found.why
    assert "Those above 4.5 are too far" in found.why


def test_a_proposal_is_known_by_its_bounds() -> None:
    """Its id changes with any bound, today's or proposed, and not with the counts."""
    found = propose_bounds(images(entropy=spread(7.3, 5.7)), NONE, DEFAULTS)
    counted = [replace(one, accepted=1, why="other words") for one in found]
    moved = [replace(one, today=replace(one.today, low=1.0)) for one in found]
    assert proposal_id(found) == proposal_id(reversed(counted)) != proposal_id(moved)


CODES = st.sampled_from(sorted(DEFAULTS))


@st.composite
def accepted_figures(draw: st.DrawFn, bound: Bound) -> pd.DataFrame:
    """Images of one to three sources with any figures that there can be."""
    low, high = (min(max(side, -40.0), 260.0) for side in bound.possible)
    frames = []
    for source in range(draw(st.integers(1, 3))):
        values = st.one_of(st.floats(low, high), st.sampled_from([low, high, (low + high) / 2]))
        some = draw(arrays(np.float64, draw(st.integers(1, 30)), elements=values))
        repeats = draw(st.integers(1, 40))
        figures = {bound.column: np.tile(some, repeats)}
        frames.append(images(len(some) * repeats, str(source), **figures))
    return pd.concat(frames, ignore_index=True)


@settings(max_examples=200)
@given(st.data(), CODES)
def test_law_of_the_share(data: st.DataObject, code: str) -> None:
    """A changed bound leaves out at most its share of each source on each side, and is one that can be."""
    accepted = data.draw(accepted_figures(DEFAULTS[code]))
    found = propose_one(code, accepted)
    if not found.changes:
        return
    assert found.proposed.digits == found.today.digits
    for side, today in (("low", found.today.low), ("high", found.today.high)):
        value = getattr(found.proposed, side)
        assert (value is None) == (today is None)
        assert value is None or found.today.possible[0] <= value <= found.today.possible[1]
    sides = [replace(found.proposed, low=None), replace(found.proposed, high=None)]
    for _, values in accepted.groupby("source")[found.today.column]:
        for side_bound in sides:
            assert side_bound.outside(values.to_numpy()).sum() <= SHARE * len(values) + 1e-9


@settings(max_examples=100)
@given(st.data(), CODES)
def test_law_of_rest(data: st.DataObject, code: str) -> None:
    """Once its proposal is accepted, the same images speak for no other bound."""
    accepted = data.draw(accepted_figures(DEFAULTS[code]))
    first = propose_one(code, accepted)
    again = propose_one(code, accepted, today={**DEFAULTS, code: first.proposed})
    assert again.proposed == first.proposed


@pytest.mark.real
def test_real_images_lose_none(shared_data: Path) -> None:
    """Of 2,201 public radiographs, the bounds proposed leave out none that the first bounds accept.

    Of the half of the patients that a proposal did not see, it leaves out less than 1 % in each of ten draws.
    """
    folder = shared_data / "xray"
    sheet = pd.read_csv(folder / "manifest.csv")[["path", "source", "patient_id"]]
    place = np.zeros((320, 320), np.uint8)
    decoded = [decode_into((folder / path).read_bytes(), DisplayHints(), place) for path in sheet["path"]]
    rows = sheet.assign(**{name: describe_images(decoded)[name] for name in SOUND})
    sound = rows[~outside_any(rows, [*DEFAULTS.values()])]
    assert len(sound) >= 2190
    proposals = propose_bounds(sound, NONE, DEFAULTS)
    assert not outside_any(sound, [one.proposed for one in proposals]).any()
    assert {one.today.code: one.proposed.words for one in proposals if one.changes} == {
        "too-few-grays": "at least 4",
        "odd-shape": "0.57 to 2.5",
    }
    patients = sound["patient_id"].fillna(sound["path"])
    rng = np.random.default_rng(1)
    for _ in range(10):
        seen = patients.isin(rng.choice(patients.unique(), patients.nunique() // 2, replace=False))
        halved = [one.proposed for one in propose_bounds(sound[seen], NONE, DEFAULTS)]
        assert outside_any(sound[~seen], halved).mean() < 0.01


def outside_any(rows: pd.DataFrame, bounds: list[Bound]) -> npt.NDArray[np.bool_]:
    """Which rows stand outside of one of the bounds."""
    outside = np.zeros(len(rows), np.bool_)
    for bound in bounds:
        outside |= bound.outside(rows[bound.column].to_numpy(np.float64))
    return outside
