"""The page on one snapshot: who and what its images are of, and what else than the lungs tells the classes apart."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from storage.exploration import Explored, Trainings
from storage.reports import explore_words, keys
from storage.reports.explore_charts import draw_sizes, draw_tally, shade_name
from storage.reports.explore_index import ExploreRecord
from storage.reports.explore_pictures import GRID, SAMPLE, show_classes, show_intensities, show_pairs
from storage.reports.rendering import render_page
from xray_model.data.splits import SPLITS
from xray_model.evaluation.exploring import DECADES, Crossed, count_sizes, cross, find_pairs, name_decades
from xray_model.evaluation.subgroups import LEAST_PATIENTS
from xray_model.progress import advance

if TYPE_CHECKING:
    from storage.objects import Objects


@dataclass(frozen=True, slots=True)
class Table:
    """One of the tables of the page."""

    anchor: str
    title: str
    what: str
    """Of the rows."""
    by: str
    """Of the columns."""
    crossed: Crossed
    note: str = ""


def write_explore_page(objects: "Objects", explored: Explored, trainings: Trainings, side: int) -> ExploreRecord:
    """Write the page on a snapshot with its pictures beside it, over the one before.

    It is written anew each time: which trainings there were, and what is in the catalog, changes. The record comes
    last: a page that has one is finished.

    Args:
        objects: the store.
        explored: the snapshot.
        trainings: on it.
        side: that images are kept at, in pixels.

    Returns:
        What the index says of it, with the headline and the key of the page.
    """
    rows = explored.rows
    page = keys.explore_page(explored.snapshot_id)
    folder = keys.folder_of(page)
    news = explore_words.tell_news(rows)
    advance("look for near duplicates", 0, 1)
    pairs = find_pairs(rows)
    advance("look for near duplicates", 1, 1)
    classes = rows["label"].value_counts().sort_index()
    record = ExploreRecord(
        snapshot_id=explored.snapshot_id,
        headline=news.headline,
        written=datetime.now(UTC),
        images=len(rows),
        patients=rows["patient_id"].nunique(),
        classes={str(label): int(images) for label, images in classes.items()},
    )
    sizes = count_sizes(rows, side)
    values = {
        "record": record,
        "explored": explored,
        "news": news,
        "words": explore_words,
        "splits": Table(
            "splits", "Splits", "Split", "class", cross(rows["split"], rows["label"], rows["patient_id"], order=SPLITS)
        ),
        "tables": _count_tables(explored),
        "draw_tally": draw_tally,
        "shade": shade_name,
        "sizes": sizes,
        "sizes_table": Table("sizes", "Sizes", "Width x height", "class", sizes.commonest),
        "sizes_chart": draw_sizes(sizes),
        "side": side,
        "intensities": show_intensities(objects, rows),
        "sample": SAMPLE,
        "galleries": show_classes(objects, folder, rows),
        "grid": GRID,
        "pairs": pairs,
        "shown_pairs": show_pairs(objects, folder, rows, pairs),
        "trainings": trainings,
        "model_pages": set(objects.list_folders(keys.MODELS)),
    }
    objects.put(page, render_page("explore.html", page, values))
    objects.put(keys.explore_record(page), record.model_dump_json(indent=1).encode())
    return record


def _count_tables(explored: Explored) -> list[Table]:
    rows = explored.rows
    labels, patients = rows["label"], rows["patient_id"]
    few = f"Values that fewer than {LEAST_PATIENTS} patients have are not named."
    return [
        Table("sources", "Classes by source", "Source", "class", cross(rows["source"], labels, patients, most=20)),
        Table("sex", "Sex", "Sex", "class", cross(rows["sex"], labels, patients, least_patients=LEAST_PATIENTS), few),
        Table(
            "ages",
            "Age by sex",
            "Years",
            "sex",
            cross(name_decades(rows["age"]), rows["sex"], patients, order=DECADES),
        ),
        Table(
            "views", "Views", "View", "class", cross(rows["view"], labels, patients, least_patients=LEAST_PATIENTS), few
        ),
        Table(
            "scanners",
            "Scanners",
            "Manufacturer",
            "class",
            cross(rows["manufacturer"], labels, patients, least_patients=LEAST_PATIENTS),
            few,
        ),
    ]
