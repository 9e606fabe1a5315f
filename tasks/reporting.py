"""Reporting: pages for the night, its batches and its model, and Prefect artifacts that link to them."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from prefect.artifacts import create_markdown_artifact

from storage import reports
from storage.catalog import load_rows
from storage.objects import Objects
from storage.reports import Picture
from storage.settings import Settings
from storage.shards import iterate_pixels
from storage.store import Store, open_store
from tasks.skin import advance, stage_task
from xray_model.outcomes import BatchOutcome, BatchStatus, NightOutcome

MOST_REFUSED = 60
MOST_TYPICAL = 8


@stage_task("write-reports")
def write_reports(night: NightOutcome) -> str:
    """Write the pages of a night, then the index; returns the key of the night's page."""
    store = open_store(Settings())
    for done, batch in enumerate(night.batches):
        advance("write pages", done, len(night.batches))
        write_batch_report(store, batch)
    if night.retrain.promotion is not None:
        reports.write_model_page(store.objects, night.retrain)
    key = reports.write_night_page(store.objects, night)
    reports.write_index(store.objects)
    return key


@stage_task("announce")
def announce(night: NightOutcome, page_key: str) -> None:
    """Leave the night's news as a Prefect artifact that links to its page."""
    url = f"{Settings().store_url.rstrip('/')}/{page_key}"
    rows = [
        f"| {batch.source} / {batch.name} | {batch.status} | {batch.read} | {batch.accepted} | {batch.quarantined} "
        f"| {batch.held} |"
        for batch in night.batches
    ]
    table = ["| batch | status | read | accepted | quarantined | held |", "|---|---|---|---|---|---|", *rows]
    text = [
        f"# {reports.headline(night)}",
        "",
        *(table if rows else ["No new batch."]),
        "",
        f"[Open the night's page]({url})",
    ]
    create_markdown_artifact(
        key="night",
        markdown="\n".join([*text, "", "Research tool. Not for diagnostic use."]),
        description=night.night_id,
    )


def write_batch_report(store: Store, batch: BatchOutcome) -> str:
    """Write one batch's page with pictures of what was refused; returns its key."""
    if batch.status in {BatchStatus.REFUSED, BatchStatus.FAILED}:
        return reports.write_batch_page(store.objects, batch, [], [], refused_total=0)
    columns = ["image_id", "status", "reasons", "label", "view", "sex", "age", "batch_id", "shard", "row"]
    rows = load_rows(store.objects, columns, batches=[batch.batch_id])
    quarantined = rows[rows["status"] == "quarantined"]
    refused = _pictures(store.objects, _spread(quarantined, MOST_REFUSED))
    typical = _pictures(store.objects, rows[rows["status"] != "quarantined"].head(MOST_TYPICAL))
    return reports.write_batch_page(store.objects, batch, refused, typical, refused_total=len(quarantined))


def _spread(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most `most` rows, taken in turn from each first reason, so that a frequent one does not hide the others."""
    first = rows["reasons"].map(lambda reasons: reasons[0])
    turn = rows.groupby(first).cumcount()
    return rows.loc[turn.sort_values(kind="stable").index[:most]].sort_index()


def _pictures(objects: Objects, rows: pd.DataFrame) -> list[Picture]:
    decoded = np.flatnonzero(rows["row"].notna())
    pixels = {
        int(decoded[position]): image
        for positions, images in iterate_pixels(objects, rows.iloc[decoded])
        for position, image in zip(positions, images, strict=True)
    }
    return [
        Picture(
            image_id=str(row["image_id"]),
            pixels=pixels.get(place),
            caption=_caption(row[name] for name in ("view", "sex", "age", "label")),
            reasons=tuple(row["reasons"]),
        )
        for place, row in enumerate(rows.to_dict("records"))
    ]


def _caption(parts: Iterable[object]) -> str:
    known = [part for part in parts if part is not None and part == part]  # noqa: PLR0124 - NaN differs from itself
    return " · ".join(f"{part:.0f}" if isinstance(part, float) else str(part) for part in known)
