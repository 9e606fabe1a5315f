"""Reporting: pages for the night, its batches and its model, and Prefect artifacts that link to them."""

from collections.abc import Iterable
from urllib.parse import quote

import numpy as np
import pandas as pd
from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact

from storage import reports
from storage.catalog import batch_ids, load_outcome, load_rows
from storage.decisions import count_statuses
from storage.ledger import GateEntry, load_entries
from storage.objects import Objects
from storage.predictions import load_predictions
from storage.registry import Registry
from storage.reports import Picture, keys
from storage.retrainings import hand_over, load_retraining, save_retraining, take_over
from storage.settings import Settings
from storage.shards import iterate_pixels
from storage.snapshots import load_snapshot
from storage.store import Store, open_store
from tasks.examples import find_examples
from tasks.skin import stage_task
from xray_model.errors import ConfigurationError, InvalidInput, ObjectNotFound, XrayError
from xray_model.outcomes import NOTICE, BatchOutcome, BatchStatus, EvaluationOutcome, NightOutcome, RetrainOutcome
from xray_model.progress import advance

MOST_REFUSED = 60
MOST_TYPICAL = 8
_MARKDOWN = frozenset("\\`*_{}[]<>()#|!~")


@stage_task("find-untold-batches")
def find_untold_batches(told: tuple[str, ...]) -> tuple[BatchOutcome, ...]:
    """Committed batches that no page tells of, because the run that committed them died before it reported.

    Args:
        told: ids of the batches that are about to be reported.
    """
    objects = open_store(Settings()).objects
    prefix = "reports/batches/"
    pages = {folder.removeprefix(prefix).rstrip("/") for folder in objects.list_folders(prefix)}
    untold = [batch_id for batch_id in batch_ids(objects) if batch_id not in pages and batch_id not in told]
    return tuple(load_outcome(objects, batch_id) for batch_id in untold)


@stage_task("keep-retraining")
def keep_retraining(outcome: RetrainOutcome) -> None:
    """Keep what the card of a model is made of, before the model is decided on."""
    if outcome.training is not None:
        save_retraining(open_store(Settings()).objects, outcome.training.run_id, outcome)


@stage_task("hand-over-retraining")
def hand_over_retraining(flow_run_id: str, outcome: RetrainOutcome) -> None:
    """Leave what a flow run came to in the store, which the night that waits for it reads too."""
    hand_over(open_store(Settings()).objects, flow_run_id, outcome)


@stage_task("take-over-retraining")
def take_over_retraining(flow_run_id: str) -> RetrainOutcome:
    """What a flow run on another machine came to; a failure where it left nothing."""
    try:
        return take_over(open_store(Settings()).objects, flow_run_id)
    except ObjectNotFound:
        told = f"The training failed: flow run {flow_run_id} ended and left no outcome in the store; its log says why."
        return RetrainOutcome(trained=False, failed=True, reasons=(told,))


@stage_task("find-untold-models")
def find_untold_models() -> tuple[RetrainOutcome, ...]:
    """Judged models that have no page, because the run that judged them died before it wrote one, or could not."""
    objects = open_store(Settings()).objects
    pages = {info.key for info in objects.list(keys.MODELS)}
    untold = []
    for entry in load_entries(objects):
        if not isinstance(entry, GateEntry) or entry.run_id is None or keys.model_page(entry.version) in pages:
            continue
        try:
            kept = load_retraining(objects, entry.run_id)
        except (InvalidInput, ObjectNotFound) as error:
            get_run_logger().warning("model v%d has no page, and none can be written: %s", entry.version, error)
        else:
            untold.append(kept.model_copy(update={"promotion": entry.outcome}))
    return tuple(untold)


@stage_task("write-model-report")
def write_model_report(outcome: RetrainOutcome) -> str:
    """Write the card of a judged model, as a page and beside the model, and renew the index; returns the page's key.

    The page is written last but for the index: where it is there, the card is whole.

    Raises:
        InvalidInput: no model was trained and judged.
    """
    settings = Settings()
    objects, training, challenger = open_store(settings).objects, outcome.training, outcome.challenger
    if training is None or challenger is None:
        raise InvalidInput("there is no judged model to write a card of: write cards of retrainings that trained one")
    table = load_predictions(objects, challenger.predictions_key)
    sound = bool(table["predicted"].notna().all())  # of a model whose predictions are not numbers there are no pictures
    card = reports.make_card(
        outcome,
        table=table if sound else None,
        sources=_count_sources(load_snapshot(objects, challenger.snapshot_id, "train")),
        examples=_find_examples(objects, training.run_id, challenger) if sound else (),
    )
    pictures = {f"{drawing.name}.svg": drawing.svg for drawing in card.drawings}
    Registry(settings).record_card(training.run_id, reports.render_card_markdown(outcome, card), pictures)
    key = reports.write_model_page(objects, outcome, card)
    reports.write_index(objects, count_statuses(objects))
    return key


def _count_sources(rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Images by source, then by label."""
    return {
        str(source): {str(label): int(images) for label, images in labels.value_counts().sort_index().items()}
        for source, labels in rows.groupby("source")["label"]
    }


def _find_examples(objects: Objects, run_id: str, challenger: EvaluationOutcome) -> list[reports.Example]:
    """Hits and misses; none, with a warning, where the backend has no gradients for heat maps."""
    try:
        return find_examples(objects, run_id, challenger)
    except ConfigurationError as error:
        get_run_logger().warning("the card shows no examples: %s", error)
        return []


@stage_task("write-reports")
def write_reports(night: NightOutcome) -> str:
    """Write the pages of a night, then the index; returns the key of the night's page.

    A batch whose page cannot be written does not keep the others' from being: the next night writes it.
    """
    store = open_store(Settings())
    for done, batch in enumerate(night.batches, start=1):
        try:
            write_batch_report(store, batch)
        except XrayError:
            get_run_logger().exception("batch %s has no page; the next night writes it", batch.batch_id)
        advance("write pages", done, len(night.batches))
    key = reports.write_night_page(store.objects, night)
    reports.write_index(store.objects, count_statuses(store.objects))
    return key


@stage_task("announce")
def announce(night: NightOutcome, page_key: str) -> None:
    """Leave the night's news as a Prefect artifact that links to its page."""
    rows = [
        f"| {_link(f'{batch.source} / {batch.name}', keys.batch_page(batch))} | {batch.status} | {batch.read} "
        f"| {batch.accepted} | {batch.quarantined} | {batch.held} "
        f"| {_link('validation', keys.validation_page(batch)) if batch.expectations else 'not asked'} |"
        for batch in night.batches
    ]
    head = "| batch | status | read | accepted | quarantined | held | expectations |"
    table = [head, "|---|---|---|---|---|---|---|", *rows]
    text = [
        f"# {reports.headline(night)}",
        "",
        *(table if rows else ["No new batch."]),
        "",
        _link("Open the night's page", page_key),
    ]
    create_markdown_artifact(
        key="night",
        markdown="\n".join([*text, "", NOTICE]),
        description=night.night_id,
    )


def _link(text: str, key: str) -> str:
    """A Markdown link to an object of the store; what a sender wrote cannot break out of it."""
    shown = "".join(f"\\{character}" if character in _MARKDOWN else character for character in text)
    return f"[{shown}]({Settings().store_url.rstrip('/')}/{quote(key)})"


def write_batch_report(store: Store, batch: BatchOutcome) -> str:
    """Write one batch's page with pictures of what was refused; returns its key."""
    if batch.status in {BatchStatus.REFUSED, BatchStatus.FAILED}:
        return reports.write_batch_page(store.objects, batch, [], [], refused_total=0)
    columns = ["image_id", "status", "reasons", "failed", "label", "view", "sex", "age", "batch_id", "shard", "row"]
    rows = load_rows(store.objects, columns, batches=[batch.batch_id])
    quarantined = rows[rows["status"] == "quarantined"]
    refused = load_pictures(store.objects, _spread(quarantined, MOST_REFUSED))
    typical = load_pictures(store.objects, rows[rows["status"] != "quarantined"].head(MOST_TYPICAL))
    asked = bool(batch.expectations)
    validation = reports.write_validation_page(store.objects, batch, list_failing(rows)) if asked else None
    return reports.write_batch_page(store.objects, batch, refused, typical, len(quarantined), validation)


def list_failing(rows: pd.DataFrame) -> dict[str, list[object]]:
    """Ids of the images that fail an expectation, by its code."""
    each = rows[["image_id", "failed"]].explode("failed").dropna(subset="failed")
    return {str(code): list(ids) for code, ids in each.groupby("failed")["image_id"]}


def _spread(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most `most` rows, taken in turn from each first reason, so that a frequent one does not hide the others."""
    first = rows["reasons"].map(lambda reasons: reasons[0])
    turn = rows.groupby(first).cumcount()
    return rows.loc[turn.sort_values(kind="stable").index[:most]].sort_index()


def load_pictures(objects: Objects, rows: pd.DataFrame) -> list[Picture]:
    """Pictures of `rows` (`image_id`, place, `view`, `sex`, `age`, `label`), with their `reasons` if there are any."""
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
            reasons=tuple(row.get("reasons", ())),
        )
        for place, row in enumerate(rows.to_dict("records"))
    ]


def _caption(parts: Iterable[object]) -> str:
    known = [part for part in parts if part is not None and part == part]  # noqa: PLR0124 - NaN differs from itself
    return " · ".join(f"{part:.0f}" if isinstance(part, float) else str(part) for part in known)
