"""`xray expectations`: the bounds in force, those that accepted images speak for, and a steward's choice."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Column, Table

from apps.review import login_name
from storage.bounds import RecordedChange, accept_bounds, load_changes, propose, reset_bounds
from storage.settings import Settings
from storage.store import open_store
from xray_model.data.bound_changes import BoundsChange, fold_changes, last_changes
from xray_model.data.bounds import DEFAULTS
from xray_model.data.proposing import CUT_OFF
from xray_model.errors import InvalidInput


def show_bounds() -> None:
    """Print the bounds in force, who set them, and all changes."""
    console = Console()
    changes = load_changes(open_store(Settings()).objects)
    bounds, last = fold_changes(changes).bounds, last_changes(changes)
    table = Table(Column("rule", no_wrap=True), "figure", "in force", "from")
    for code, bound in bounds.items():
        change = last.get(code)
        changed = change is not None and change.bounds[code] is not None
        origin = f"{change.who}, {change.when:%Y-%m-%d}" if changed and change else bound.origin
        was = f" (starts {DEFAULTS[code].words})" if changed else ""
        table.add_row(code, bound.figure, bound.words + was, origin)
    console.print(table, markup=False)
    for change in changes:
        console.print(_describe(change), highlight=False, markup=False, soft_wrap=True)
    console.print("`xray expectations propose` shows what accepted images speak for.", highlight=False)


def show_proposals() -> None:
    """Print today's bounds beside the proposed ones, with what each would leave out and why."""
    console = Console()
    proposals = propose(open_store(Settings()).objects)
    table = Table(Column("rule", no_wrap=True), "today", "proposed", "accepted outside", "quarantined outside")
    for row in proposals.rows:
        table.add_row(
            row.today.code,
            row.today.words,
            row.proposed.words if row.changes else "as today",
            _counts(row.accepted_outside, row.accepted, changes=row.changes),
            _counts(row.refused_outside, row.refused, changes=row.changes),
        )
    console.print(table)
    changed = [row for row in proposals.rows if row.changes]
    for row in changed or proposals.rows[:1]:
        console.print(f"{row.today.code}: {row.why}" if changed else row.why, highlight=False, soft_wrap=True)
    console.print(CUT_OFF, highlight=False, soft_wrap=True)
    if changed:
        command = f"xray expectations accept RULE --proposal {proposals.id} --why …"
        console.print(
            f"Accept one or more with `{command}`, or --all of them.", highlight=False, markup=False, soft_wrap=True
        )


def accept(codes: Sequence[str], *, every: bool, proposal: str, why: str, who: str | None) -> None:
    """Put proposed bounds in force.

    Raises:
        InvalidInput: it cannot be done so; nothing was changed.
    """
    if every == bool(codes):
        raise InvalidInput("name the rules whose bounds you accept, or all that are proposed with --all")
    objects = open_store(Settings()).objects
    chosen = [row.today.code for row in propose(objects).rows if row.changes] if every else codes
    if not chosen:
        raise InvalidInput("nothing is proposed now: today's bounds are those that accepted images speak for")
    _tell(accept_bounds(objects, chosen, proposal, who=who or login_name(), why=why))


def reset(codes: Sequence[str], *, why: str, who: str | None) -> None:
    """Put bounds back to those that the pipeline starts with.

    Raises:
        InvalidInput: there is no such bound, or it was never changed.
    """
    _tell(reset_bounds(open_store(Settings()).objects, codes, who=who or login_name(), why=why))


def _tell(recorded: RecordedChange) -> None:
    console = Console()
    change = recorded.change
    console.print(_describe(change), style="bold", highlight=False, markup=False, soft_wrap=True)
    if not recorded.new:
        console.print("That is on record already; nothing was written.", highlight=False)
    console.print(
        "The next batches are judged by it. Batches already judged keep their status; `xray ingest --batch NAME "
        "--again` judges one anew.",
        highlight=False,
        soft_wrap=True,
    )
    codes = " ".join(change.codes)
    console.print(
        f"`xray expectations reset {codes} --why …` goes back to where the pipeline starts.",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _describe(change: BoundsChange) -> str:
    after = fold_changes([change]).bounds
    bounds = ", ".join(f"{code} {after[code].words}" for code in change.codes)
    action = "accepted" if change.shown else "put back"
    return f"{change.id}  {change.when:%Y-%m-%d %H:%M} UTC  {change.who} {action}: {bounds}. {change.why}"


def _counts(outside: tuple[int, int], images: int, *, changes: bool) -> str:
    today, proposed = outside
    return f"{today:,} → {proposed:,} of {images:,}" if changes else f"{today:,} of {images:,}"
