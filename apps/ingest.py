"""`xray ingest`: new batches, or named ones again, into the catalog; nothing is trained."""

from pydantic import ValidationError
from rich.console import Console

from apps.starting import start_flow
from xray_model.config import IngestOptions
from xray_model.errors import ConfigurationError
from xray_model.outcomes import BatchOutcome


def run_ingest(*, source: str | None, batch: str | None, layout: str | None, again: bool, verbose: bool) -> int:
    """Ingest and tell what became of each batch; returns the exit code.

    Raises:
        ConfigurationError: there is no such layout.
        InvalidInput: the named batch is not there, or `again` was asked for without a name.
    """
    try:
        options = IngestOptions.model_validate(
            {
                "sources": (source,) if source else (),
                "batches": (batch,) if batch else (),
                "layout": layout.strip().casefold().replace("-", "_") if layout else None,
                "again": again,
            }
        )
    except ValidationError as error:
        raise ConfigurationError(
            f"there is no layout {layout!r}; choose one of bimcv, csv_table, class_folders, dicom"
        ) from error
    console = Console()
    batches: tuple[BatchOutcome, ...] = start_flow("ingest", options, console, verbose=verbose)
    tell(batches, console)
    return exit_code(batches)


def tell(batches: tuple[BatchOutcome, ...], console: Console) -> None:
    """Print what became of each batch, and where to look next."""
    if not batches:
        console.print("\nNo new batch.", style="bold")
        return
    console.print()
    for batch in batches:
        counts = f"{batch.read:,} images read, {batch.accepted:,} accepted, {batch.quarantined:,} quarantined"
        console.print(f"{batch.source} / {batch.name} is {batch.status}: {counts}", style="bold", highlight=False)
        for reason in batch.reasons:
            console.print(f"  {reason}", highlight=False)
    console.print("The next `xray nightly` writes their pages; `xray batches` lists them now.", highlight=False)


def exit_code(batches: tuple[BatchOutcome, ...]) -> int:
    """0 when nothing waits, 3 when a batch waits for a person."""
    from apps.cli import NEEDS_PERSON

    return NEEDS_PERSON if any(batch.needs_person for batch in batches) else 0
