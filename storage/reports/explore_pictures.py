"""Pictures of a snapshot: some of each class, those that nearly repeat each other, and how gray the pixels are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from markupsafe import Markup

from storage.exploration import draw_images, load_pixels, measure_intensities
from storage.reports.explore_charts import draw_levels
from storage.reports.pictures import Picture, ShownPicture, write_pictures
from xray_model.data.intensities import LEVELS, find_level

if TYPE_CHECKING:
    from storage.objects import Objects

GRID = 25
PAIRS = 12
SAMPLE = 200
"""Images of each class and of each source whose pixels are read for the histograms."""
SOURCES = 12
"""With a histogram: those with the most images."""


@dataclass(frozen=True, slots=True)
class ClassGallery:
    """Some images of one class."""

    label: str
    shown: tuple[ShownPicture, ...]
    patients: int
    """Of the class."""


@dataclass(frozen=True, slots=True)
class ShownPair:
    """Two images that are nearly the same."""

    pictures: tuple[ShownPicture, ...]
    two_labels: bool
    two_splits: bool
    two_patients: bool


@dataclass(frozen=True, slots=True)
class Levels:
    """Gray levels of a sample of images."""

    name: str
    images: int
    mean: float
    low: int
    """Level below which 5 % of the pixels lie."""
    median: int
    high: int
    """Level below which 95 % lie."""
    chart: Markup


@dataclass(frozen=True, slots=True)
class Intensities:
    """How gray the images are, of all and by class and source."""

    everything: Levels
    classes: tuple[Levels, ...]
    sources: tuple[Levels, ...]
    left_out: int
    """Sources without a histogram."""


def show_classes(objects: "Objects", folder: str, rows: pd.DataFrame) -> tuple[ClassGallery, ...]:
    """Write `GRID` images of each class into `folder`, each of another patient, drawn by chance but always alike."""
    chosen = {str(label): draw_images(some, GRID, by_patient=True) for label, some in rows.groupby("label")}
    if not chosen:
        return ()
    pictures = iter(_load_pictures(objects, pd.concat(chosen.values()), ("split", "view"), "draw images of each class"))
    return tuple(
        ClassGallery(
            label,
            write_pictures(objects, folder, f"class-{place}", [next(pictures) for _ in range(len(some))]),
            int(rows.loc[rows["label"] == label, "patient_id"].nunique()),
        )
        for place, (label, some) in enumerate(chosen.items(), start=1)
    )


def show_pairs(objects: "Objects", folder: str, rows: pd.DataFrame, pairs: pd.DataFrame) -> tuple[ShownPair, ...]:
    """Write the pictures of at most `PAIRS` near duplicates into `folder`: those with two labels or splits first."""
    differing = ["two_labels", "two_splits", "two_patients"]
    ordered = pairs.sort_values("second").sort_values(differing, ascending=False, kind="stable")
    chosen = ordered.head(PAIRS)
    ids = chosen[["first", "second"]].to_numpy().ravel()
    pictures = _load_pictures(
        objects, rows.set_index("image_id", drop=False).loc[ids], ("label", "split", "view"), "draw near duplicates"
    )
    shown = write_pictures(objects, folder, "pair", pictures)
    return tuple(
        ShownPair(shown[2 * place : 2 * place + 2], *differs)
        for place, differs in enumerate(chosen[differing].to_numpy(bool).tolist())
    )


def show_intensities(objects: "Objects", rows: pd.DataFrame) -> Intensities:
    """Gray levels of `SAMPLE` images of each class and of each of the largest sources, and of as many of all."""
    rows = rows.reset_index(drop=True)
    labels = sorted(rows["label"].unique())
    ranked = rows["source"].value_counts().sort_index().sort_values(ascending=False, kind="stable").index.tolist()
    sources = ranked[:SOURCES]
    samples = [
        draw_images(some, SAMPLE).index
        for some in (
            rows,
            *(rows[rows["label"] == label] for label in labels),
            *(rows[rows["source"] == source] for source in sources),
        )
    ]
    measured = measure_intensities(objects, rows, samples)
    all_shares = measured[0][0]
    found = []
    for name, (shares, images) in zip(("all images", *labels, *sources), measured, strict=True):
        low, median, high = (find_level(shares, part) for part in (0.05, 0.5, 0.95))
        mean = float((shares * range(LEVELS)).sum())
        found.append(Levels(name, images, mean, low, median, high, draw_levels(shares, all_shares, name)))
    return Intensities(
        found[0], tuple(found[1 : 1 + len(labels)]), tuple(found[1 + len(labels) :]), len(ranked) - len(sources)
    )


def _load_pictures(objects: "Objects", rows: pd.DataFrame, told: Sequence[str], stage: str) -> list[Picture]:
    pixels = load_pixels(objects, rows, stage)
    return [
        Picture(str(row["image_id"]), some, " · ".join(str(row[name]) for name in told if not pd.isna(row[name])))
        for row, some in zip(rows.to_dict("records"), pixels, strict=True)
    ]
