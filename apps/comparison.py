"""`xray drift`: new images beside what the champion has learned from, on demand; it looks and holds nothing."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import date

from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from typer import BadParameter

from apps.review import find_batch
from apps.starting import start_flow
from storage.settings import Settings
from storage.store import open_store
from xray_model.config import DriftPolicy, MonitorOptions
from xray_model.data.decisions import describe_faults
from xray_model.outcomes import DriftOutcome, MonitorOutcome


def run_drift(
    *,
    batches: Sequence[str],
    since: date | None,
    until: date | None,
    against: str | None,
    served: bool,
    policy: Mapping[str, object],
    verbose: bool,
) -> None:
    """Compare batches, or the images of some days, and tell what moved.

    Args:
        batches: ids of batches, their names, or beginnings that no other has.
        since: first day (UTC) of the window; the days that `MonitorOptions` names without.
        until: last day of the window; today without.
        against: snapshot that is the reference; the champion's own without.
        served: look also at what the model was asked in service in the window.
        policy: options of `DriftPolicy` by name.
        verbose: show Prefect's own log in place of progress bars.

    Raises:
        BadParameter: batches are named beside days, the window is none, or an option of the policy is not allowed.
        InvalidInput: there is no such batch, or several are meant.
    """
    objects = open_store(Settings()).objects
    try:
        options = MonitorOptions(
            batches=tuple(find_batch(objects, batch) for batch in batches),
            since=since,
            until=until,
            served=served,
            against=against,
            hold=False,
            announce=False,
            policy=DriftPolicy.model_validate(policy),
        )
    except ValidationError as error:
        raise BadParameter(describe_faults(error)) from error
    console = Console()
    found: MonitorOutcome = start_flow("monitor", options, console, verbose=verbose)
    tell(found, console)


def tell(found: MonitorOutcome, console: Console) -> None:
    """Print each comparison with what it says, what could not be compared, and where to look next."""
    from storage.reports import terms
    from storage.reports.drift_words import subject_name

    if not found.drifts:
        console.print("\nThere was nothing to compare.", style="bold")
        return
    table = Table(Column("compared", overflow="fold"), "state", "moved", "patients")
    for drift in found.drifts:
        moved = f"{sum(column.moved for column in drift.columns)} of {len(drift.columns)}"
        words = (subject_name(drift), terms.drift_words(drift), moved, f"{drift.patients:,}")
        table.add_row(*(escape(word) for word in words))
    console.print()
    console.print(table)
    for drift in found.drifts:
        console.print(f"\n{subject_name(drift)}", style="bold", highlight=False, markup=False)
        for sentence in (*drift.reasons, *drift.notes):
            console.print(f"  {sentence}", highlight=False, markup=False, soft_wrap=True)
    console.print()
    _tell_where(found.drifts, console)


def _tell_where(drifts: Sequence[DriftOutcome], console: Console) -> None:
    settings = Settings()
    for drift in drifts:
        if drift.page_key:
            console.print(f"Page: {settings.store_url}/{drift.page_key}", highlight=False, markup=False, soft_wrap=True)
    if any(drift.report_key for drift in drifts):
        workspace = shlex.quote(str(settings.home.resolve() / "evidently"))
        hint = f"Every comparison so far, in figures: evidently ui --workspace {workspace}"
        console.print(hint, highlight=False, markup=False, soft_wrap=True)
