"""What has changed, in words that a radiographer would use."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from xray_model.evaluation.drift.cleaning import UNKNOWN
from xray_model.evaluation.drift.columns import RECORDED, FrameColumn
from xray_model.evaluation.drift.comparability import OTHER
from xray_model.outcomes.base import format_fraction

Floats = npt.NDArray[np.float64]

_ADULT = 18
_MIDDLE = (5, 95)
_SHIFT = 0.5
"""Part of a Wasserstein distance that the shift of the mean must explain, for a column to have gone up or down."""
_NOTABLE = 0.05
_MOST_SHARES = 3
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Display:
    """How a number of the frame is told."""

    words: str
    """With a place for it: `mean gray level {}`."""
    digits: Callable[[float], str]
    to_person: Callable[[Floats], Floats] = np.asarray
    """From the frame's unit to a person's."""


def say_share(share: float) -> str:
    """A share in per cent: `34 %`; what is not none and not all is never told as such."""
    if 0 < share < 0.005:  # noqa: PLR2004 - would be rounded to none
        return "under 1 %"
    if 0.995 <= share < 1:  # noqa: PLR2004 - would be rounded to all
        return "over 99 %"
    return f"{100 * share:.0f} %"


def _say_part(share: float) -> str:
    return {0.0: "none", 1.0: "all"}.get(share, say_share(share))


def _whole(value: float) -> str:
    return f"{value + 0.0:.0f}"


def _one(value: float) -> str:
    return f"{value:.1f}"


DISPLAYS = {
    "mean": Display("mean gray level {}", _whole),
    "std": Display("gray levels spread by {}", _whole),
    "entropy": Display("{} bits of gray in use", _one),
    "sharpness": Display("sharpness {}", lambda value: f"{value:.3g}", np.expm1),
    "saturated": Display("{} of a picture pure black or white", say_share),
    "border": Display("{} of a picture empty border", say_share),
    "aspect": Display("width over height {}", format_fraction),
    "inversion": Display("score {} (above 0 is a negative)", _one),
    "age": Display("median age {}", _whole),
    "uncertainty": Display("uncertainty of {} bits", lambda value: f"{value:.2f}"),
}
_PROBABILITY = Display("{} on average", format_fraction)
_WINDOWS = {
    "voi_lut": "a look-up table of the scanner",
    "window": "a window of the scanner",
    "percentiles": "percentiles, for want of a window",
    "display": "gray levels taken as they are",
}
_SEXES = {"F": "women or girls", "M": "men or boys"}
_VIEWS = {"L": "lateral views", "PA": "PA views", "AP": "AP views", "AP Supine": "supine AP views"}


def say_category(name: str, value: str) -> str:
    """A category as a person reads it."""
    words = {"window_path": _WINDOWS, "sex": _SEXES, "view": _VIEWS}.get(name, {})
    return "not recorded" if value == UNKNOWN else words.get(value, value[:_LONGEST])


def describe_values(column: FrameColumn, values: pd.Series) -> str:
    """One sample of a column: the mean of a number, or the largest shares of a category."""
    known = values.dropna()
    if column.kind == "category":
        shares = known.value_counts(normalize=True).head(_MOST_SHARES)
        return ", ".join(f"{say_category(column.name, str(name))} {say_share(share)}" for name, share in shares.items())
    return _say_number(column, known)


def describe_change(column: FrameColumn, current: pd.Series, reference: pd.Series, score: float) -> str:
    """A sentence on a column that has moved by `score`."""
    current, reference = current.dropna(), reference.dropna()
    if column.kind == "category":
        return _describe_category(column, current, reference)
    difference = float(current.mean() - reference.mean())
    new, known = _say_number(column, current), _say_digits(column, reference)
    if known == _say_digits(column, current) or abs(difference) < _SHIFT * score * float(np.std(reference.to_numpy())):
        return _describe_spread(column, current, reference)
    if column.name == "age":
        return _describe_age(column, current, reference, difference)
    grown = difference > 0
    if column.name.startswith("p_"):
        return f"The model holds {column.name[2:]} for {'more' if grown else 'less'} probable: {new}, before {known}."
    if column.name == "inversion":
        negatives = [say_share(float((values > 0).mean())) for values in (current, reference)]
        if negatives[0] != negatives[1]:
            new, known = f"{negatives[0]} seem to be one", negatives[1]
        return f"The images look {'more' if grown else 'less'} like negatives: {new}, before {known}."
    subject = "The model finds the images" if column.name == "uncertainty" else "The images are"
    return f"{subject} {column.more if grown else column.less}: {new}, before {known}."


def describe_domain(auc: float) -> str:
    """A sentence on how well new images are told from known ones."""
    return (
        "What the model sees differs: a classifier tells new images from known ones with ROC AUC "
        f"{format_fraction(round(auc, 2))} (.50 is no better than chance)."
    )


def _say_number(column: FrameColumn, values: pd.Series) -> str:
    return DISPLAYS.get(column.name, _PROBABILITY).words.format(_say_digits(column, values))


def _say_digits(column: FrameColumn, values: pd.Series) -> str:
    display = DISPLAYS.get(column.name, _PROBABILITY)
    middle = values.median() if column.name == "age" else values.mean()
    return display.digits(float(display.to_person(np.asarray(middle))))


def _describe_spread(column: FrameColumn, current: pd.Series, reference: pd.Series) -> str:
    display = DISPLAYS.get(column.name, _PROBABILITY)
    ranges = [display.to_person(np.percentile(values, _MIDDLE)) for values in (current, reference)]
    (low, high), (low_before, high_before) = ranges
    how = "more" if high - low > high_before - low_before else "less"
    said = [display.digits(float(value)) for value in (low, high, low_before, high_before)]
    return (
        f"The {column.word} varies {how} from image to image: nine of ten lie between {said[0]} and {said[1]}, "
        f"before between {said[2]} and {said[3]}."
    )


def _describe_age(column: FrameColumn, current: pd.Series, reference: pd.Series, difference: float) -> str:
    years = [_whole(float(values.median())) for values in (current, reference)]
    said = f"median age {years[0]} year{'s' * (years[0] != '1')}, before {years[1]}"
    children = [float((values < _ADULT).mean()) for values in (current, reference)]
    if abs(children[0] - children[1]) >= _NOTABLE:
        said += f"; {say_share(children[0])} are under {_ADULT}, before {say_share(children[1])}"
    return f"The patients are {column.more if difference > 0 else column.less}: {said}."


def _describe_category(column: FrameColumn, current: pd.Series, reference: pd.Series) -> str:
    new, known = (values.value_counts(normalize=True) for values in (current, reference))
    name = str(new.sub(known, fill_value=0.0).sort_index().idxmax())
    now, before = float(new.get(name, 0.0)), float(known.get(name, 0.0))
    said, shares = say_category(column.name, name), f"{say_share(now)}, before {say_share(before)}"
    if column.name == "age_recorded":
        now, before = (float((values == "yes").mean()) for values in (current, reference))
        return f"The age is recorded for {say_share(now)} of the images, before {say_share(before)}."
    if column.name.endswith(RECORDED):
        gone = [_say_part(float((values == "no").mean())) for values in (current, reference)]
        return f"Missing in {gone[0]} of the new images, before in {gone[1]}: {column.word.removeprefix('missing ')}."
    if name == UNKNOWN:
        return f"The {column.word} is not recorded for {shares}."
    sentences = {
        "source": f"The images come from a {'new' if before == 0 else 'different'} source: {said} {shares}.",
        "manufacturer": f"The films come from another maker: {said} {shares}.",
        "bits": f"More images store {said} bits: {shares}.",
        "window_path": f"More images were made gray by {said}: {shares}.",
        "sex": f"More of the patients are {said}: {shares}.",
        "view": f"More are {said}: {shares}.",
        "label": f"More images come with the finding {said}: {shares}.",
        "predicted": f"The model calls {said} in {shares}.",
    }
    if name == OTHER:
        return f"Rare values of {column.word} have become frequent: {shares}."
    return sentences[column.name]
