"""`xray batches`: a table of what there is, and beneath it why images were refused."""

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from storage import catalog, decisions
from storage.settings import Settings
from storage.settling import settle_batch
from storage.store import open_store
from xray_model.data.decisions import REJECTED


def list_batches() -> None:
    """Print every batch in the catalog, with its images as they count now."""
    console = Console()
    objects = open_store(Settings()).objects
    outcomes = [catalog.load_outcome(objects, batch_id) for batch_id in catalog.batches_by_age(objects)]
    if not outcomes:
        console.print("No batch yet. Send one with `xray push`, then run `xray nightly`.")
        return
    now = decisions.count_statuses(objects)
    table = Table(Column("batch", overflow="fold"), "status")
    for heading in ("read", "accepted", "quarantined", "held", "rejected"):
        table.add_column(heading, justify="right", no_wrap=True)
    told: list[str] = []
    for outcome in outcomes:
        at_first = {"accepted": outcome.accepted, "quarantined": outcome.quarantined, "held": outcome.held}
        found = now.get(outcome.batch_id, at_first)
        counts = (outcome.read, *(found.get(status, 0) for status in (*at_first, REJECTED)))
        why = " ".join(outcome.reasons) or ", ".join(f"{item.images} x {item.reason}" for item in outcome.refusals[:2])
        name = f"{outcome.source} / {outcome.name}"
        status = "decided" if settle_batch(outcome, now) != outcome else outcome.status
        table.add_row(Text(name), status, *(f"{count:,}" for count in counts))
        layout = f"read as {outcome.layout}" if outcome.layout else ""
        told += [": ".join(filter(None, (name, layout, why)))]
    console.print(table)
    for line in told:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
