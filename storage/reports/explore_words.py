"""What a snapshot is made of, in sentences: its news, and what else than the lungs tells its classes apart."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from storage.reports import figures
from xray_model.evaluation.confounding import (
    Association,
    Children,
    Sole,
    find_associations,
    find_children,
    find_sole_classes,
    find_sole_sources,
)

_FACTS = {"source": "source", "age": "age", "view": "view", "sex": "sex", "manufacturer": "scanner"}
_WEAK, _MEDIUM, _STRONG = 0.1, 0.3, 0.5
"""Small, medium and large effects as Cohen (1988) has them."""
_FEW_CHILDREN = 10
_NAMED = 6


@dataclass(frozen=True, slots=True)
class News:
    """What there is to say of a snapshot."""

    headline: str
    sentences: tuple[str, ...]
    """What stands out, the gravest first."""
    associations: tuple[Association, ...]


def tell_news(rows: pd.DataFrame) -> News:
    """The headline and the sentences on a snapshot's `rows`."""
    associations = find_associations(rows)
    children = find_children(rows)
    telling = _say_children(children, rows)
    sentences = [
        *([f"{telling}."] if telling else []),
        *_list(find_sole_sources(rows), _sole_source),
        *_list(find_sole_classes(rows), _sole_class),
        *(sentence for one in associations for sentence in _association_sentences(one, len(rows))),
        *_missing_sentences(associations, len(rows)),
    ]
    # One class of all children is the news; one source is where they were looked for.
    news = telling if children and len(children.labels) == 1 else ""
    return News(_headline(rows, associations, news), tuple(sentences), associations)


def fact_words(fact: str) -> str:
    """What a steward calls a column."""
    return _FACTS[fact]


def v_words(v: float) -> str:
    """Cramér's V with how strong that is, `.66, strong`; a dash where it is not defined."""
    if math.isnan(v):
        return figures.fraction(v)
    strengths = ((_STRONG, "strong"), (_MEDIUM, "medium"), (_WEAK, "weak"), (0.0, "none to speak of"))
    return f"{figures.fraction(v)}, {next(words for least, words in strengths if v >= least)}"


def _headline(rows: pd.DataFrame, associations: Sequence[Association], telling: str) -> str:
    if rows.empty:
        return "This snapshot holds no image"
    what = f"{figures.plural(len(rows), 'image')} of {figures.plural(rows['patient_id'].nunique(), 'patient')}"
    counts = rows["label"].value_counts()
    if len(counts) == 1:
        return f"{what}, all {counts.index[0]}: there is no other class to tell it from"
    smallest = min(counts.index, key=lambda label: (counts[label], label))
    images = figures.count(counts[smallest])
    alike = counts.min() == counts.max()
    start = f"{what}; {'each class has' if alike else f'{smallest} is the smallest class with'} {images}"
    if telling:
        return f"{start}, and {telling[:1].lower()}{telling[1:]}"
    most = associations[0]
    if most.strength < _WEAK:
        return f"{start}, and nothing but the lungs is known to tell the classes apart"
    v = figures.fraction(most.strength)
    name = fact_words(most.fact)
    what = f"whether the {name} is known" if _by_absence(most) else name
    how = "go together" if most.strength >= _MEDIUM else "go together a little"
    return f"{start}, and class and {what} {how} (Cramér's V {v})"


def _say_children(children: Children | None, rows: pd.DataFrame) -> str:
    """That one source or one class has all children; empty where that is not so, or is so of everybody."""
    if children is None or children.images < _FEW_CHILDREN:
        return ""
    parts = []
    if len(children.sources) == 1 and len(rows["source"].unique()) > 1:
        parts.append(f"come from one source, {children.sources[0]}")
    if len(children.labels) == 1 and len(rows["label"].unique()) > 1:
        parts.append(f"have one class, {children.labels[0]}")
    images = figures.plural(children.images, "image")
    return f"All {images} known to be of children {', and '.join(parts)}" if parts else ""


def _sole_source(sole: Sole) -> str:
    return (
        f"Every image of {sole.label} ({_basis(sole)}) comes from {sole.value}: what a model calls {sole.label} may be "
        "that source."
    )


def _sole_class(sole: Sole) -> str:
    name = fact_words(sole.fact)
    what = f"whose {name} is not known" if sole.value is None else f"of {name} {sole.value}"
    return f"Every image {what} ({_basis(sole)}) is {sole.label}."


def _association_sentences(one: Association, images: int) -> list[str]:
    name = fact_words(one.fact)
    found = []
    if one.v >= _MEDIUM:
        basis = f"{figures.plural(one.images, 'image')} of {figures.plural(one.patients, 'patient')}"
        known = "" if one.images == images else f" whose {name} is known"
        found.append(f"Class and {name} go together: Cramér's V {v_words(one.v)}, on {basis}{known}.")
    if one.missing_v >= _MEDIUM:
        found.append(
            f"Whether the {name} is known goes with the class: Cramér's V {v_words(one.missing_v)}, on "
            f"{figures.plural(images, 'image')}."
        )
    return found


def _missing_sentences(associations: Sequence[Association], images: int) -> list[str]:
    found = [one for one in associations if one.images < images]
    if not found:
        return []
    said = ", ".join(f"{fact_words(one.fact)} of {figures.percent(images - one.images, images)}" for one in found)
    return [f"Not known: {said} of the images."]


def _list(found: Sequence[Sole], say: Callable[[Sole], str]) -> list[str]:
    """The sentences of the first few, and how many more there are."""
    more = [f"The same is true of {figures.count(len(found) - _NAMED)} more values."] if len(found) > _NAMED else []
    return [say(sole) for sole in found[:_NAMED]] + more


def _by_absence(one: Association) -> bool:
    return one.missing_v == one.strength != one.v


def _basis(sole: Sole) -> str:
    return f"{figures.plural(sole.images, 'image')}, {figures.plural(sole.patients, 'patient')}"
