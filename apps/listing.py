"""`xray batches`: a table of what there is."""

from rich.console import Console
from rich.table import Table

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
    table = Table("batch", "layout", "status", "read", "accepted", "quarantined", "held", "rejected", "why")
    for outcome in outcomes:
        at_first = {"accepted": outcome.accepted, "quarantined": outcome.quarantined, "held": outcome.held}
        found = now.get(outcome.batch_id, at_first)
        counts = (outcome.read, *(found.get(status, 0) for status in (*at_first, REJECTED)))
        why = " ".join(outcome.reasons) or ", ".join(f"{item.images}x {item.reason}" for item in outcome.refusals[:2])
        name = f"{outcome.source} / {outcome.name}"
        status = "decided" if settle_batch(outcome, now) != outcome else outcome.status
        table.add_row(name, outcome.layout or "", status, *(str(count) for count in counts), why)
    console.print(table)
