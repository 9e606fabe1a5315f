"""`xray review`: what was refused, and what a person decides about it."""

import getpass
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from storage import catalog
from storage.decisions import Recorded, load_decisions, load_rows_now, record_decision
from storage.objects import Objects
from storage.settings import Settings, prepare_environment
from storage.settling import apply_holds
from storage.store import open_store
from xray_model.data.decisions import Action, Decision, carry_decisions, propose, standing_decisions
from xray_model.errors import InvalidInput
from xray_model.outcomes import BatchOutcome

_SHORTEST = 8
"""Characters of an image or decision id that name it, where no other begins with them."""

_SHOWN = 10
"""Images listed for one reason."""


def list_waiting() -> None:
    """Print the batches with images that wait for a person or are quarantined, the oldest first."""
    console = Console()
    objects = open_store(Settings()).objects
    order = catalog.current_batches(objects)
    rows = load_rows_now(objects, ["batch_id", "status"], order)
    counts = rows.groupby(["batch_id", "status"]).size().to_dict()
    # Its id is what the other commands ask for, so that it is never cut.
    table = Table(Column("batch", no_wrap=True), "held", "quarantined", "rejected", "accepted")
    reasons: list[str] = []
    waiting = 0
    for batch_id in order:
        statuses = ("held", "quarantined", "rejected", "accepted")
        held, quarantined, *others = (int(counts.get((batch_id, status), 0)) for status in statuses)
        if not held + quarantined:
            continue
        waiting += bool(held)
        reasons += [f"{batch_id}: {why}" for why in (_load_outcome(objects, batch_id).reasons if held else ())]
        table.add_row(escape(batch_id), *map(str, (held, quarantined, *others)))
    if not table.row_count:
        console.print("Nothing waits for you: no image is held or quarantined.")
        return
    console.print(table)
    for reason in reasons:
        console.print(reason, highlight=False, markup=False, soft_wrap=True)
    held_now = "1 batch is held" if waiting == 1 else f"{waiting} batches are held"
    console.print(f"{held_now}. Look at one with `xray review show BATCH`.", highlight=False)


def show_batch(batch: str, *, every: bool) -> None:
    """Print why a batch's images were refused, image by image, and what was decided about them."""
    console = Console()
    objects = open_store(Settings()).objects
    batch_id = find_batch(objects, batch)
    outcome = _load_outcome(objects, batch_id)
    rows = load_rows_now(objects, ["image_id", "status", "label", "reasons"], [batch_id])
    console.print(f"{batch_id}: {_counted(Counter(rows['status']))}", style="bold", highlight=False, markup=False)
    for reason in outcome.reasons:
        console.print(f"  held: {reason}", highlight=False, markup=False)
    by_reason: dict[str, list[str]] = {}
    for image_id, status, reasons in rows[["image_id", "status", "reasons"]].itertuples(index=False):
        told = list(reasons) if reasons is not None and len(reasons) else ["sound, waits with its batch"]
        for reason in told if status != "accepted" else ():
            by_reason.setdefault(f"{status}: {reason}", []).append(image_id)
    for reason, images in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0])):
        console.print(f"\n{len(images):,} {reason}", highlight=False, markup=False)
        _print_images(images if every else images[:_SHOWN], len(images), console)
    decisions = load_decisions(objects, [batch_id])
    own = decisions.pop(batch_id, [])
    carried = standing_decisions(carry_decisions(chain.from_iterable(decisions.values()))).values()
    elsewhere = [one for one in carried if one.action in {Action.REJECT, Action.RELABEL}]
    for heading, some in (("Decided", own), ("Decided on another reading of the batch", elsewhere)):
        if some:
            console.print(f"\n{heading}:", highlight=False)
            _print_decisions(some, console)
    console.print(f"\nDecide with `xray review release|reject|relabel {batch_id}`.", highlight=False, soft_wrap=True)


def decide(
    action: str, batch: str, *, images: Sequence[str] = (), why: str, who: str | None, label: str | None = None
) -> None:
    """Record a release, rejection or new finding, and tell what it changed.

    Raises:
        InvalidInput: it cannot be decided so; nothing was recorded.
    """
    objects = open_store(Settings()).objects
    batch_id = find_batch(objects, batch)
    image_ids = _find_images(objects, batch_id, images)
    proposal = propose(
        batch_id=batch_id, action=action, image_ids=image_ids, label=label, who=who or login_name(), why=why
    )
    tell(record_decision(objects, proposal), Console())


def undo(decision: str, *, why: str, who: str | None) -> None:
    """Take a decision back.

    Raises:
        InvalidInput: there is no such decision, or it was undone already.
    """
    objects = open_store(Settings()).objects
    known = [one for decisions in load_decisions(objects).values() for one in decisions]
    (undone,) = _find([decision], (one.id for one in known), "decision")
    batch_id = next(one.batch_id for one in known if one.id == undone)
    proposal = propose(batch_id=batch_id, action=Action.UNDO, undoes=undone, who=who or login_name(), why=why)
    tell(record_decision(objects, proposal), Console())


def tell(recorded: Recorded, console: Console) -> None:
    """Print what a decision came to, announce it where that starts something, and say where to look next."""
    decision = recorded.decision
    words = f"Decision {decision.id} ({decision.action})"
    if not recorded.new:
        said = f"{words} was recorded at {decision.when:%Y-%m-%d %H:%M} UTC already; nothing was written."
    elif not recorded.changed:
        said = f"{words} is recorded; it changes no image now."
    else:
        said = f"{words} is recorded; images changed: {recorded.changed:,}."
    console.print(said, style="bold", highlight=False, soft_wrap=True)
    console.print(f"The batch has {_counted(recorded.statuses)} now.", highlight=False, soft_wrap=True)
    left = recorded.statuses.get("accepted", 0)
    if decision.action is Action.REJECT and not decision.image_ids and left:
        console.print(f"What was released by name stays accepted: {left:,}. Reject it with --image.", highlight=False)
    following = _announce(recorded) if recorded.new and recorded.accepted else "The next `xray nightly` follows it."
    back = f"`xray review undo {decision.id}` takes it back."
    console.print(f"{following} {back}", highlight=False, soft_wrap=True, markup=False)


def find_batch(objects: Objects, batch: str) -> str:
    """The id of a batch: the one called `batch`, or the one current batch of that name or that alone begins so.

    Raises:
        InvalidInput: there is none, or there are several.
    """
    known = catalog.batch_ids(objects)
    if batch in known:
        return batch
    like = [one for one in catalog.current_batches(objects) if one.startswith(batch) or one.split(".")[1] == batch]
    if len(like) == 1:
        return like[0]
    if not like:
        raise InvalidInput(f"there is no batch {batch!r} in the catalog; `xray review list` names those that wait")
    raise InvalidInput(f"{len(like)} batches are called {batch!r}: {', '.join(sorted(like)[:5])}. Name one.")


def login_name() -> str:
    """Who is logged in here.

    Raises:
        InvalidInput: this machine knows no name for the user.
    """
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise InvalidInput("this machine knows no name for you: set LOGNAME, or say who decides with --who") from error


def _load_outcome(objects: Objects, batch_id: str) -> BatchOutcome:
    """What became of a batch, held where it was since."""
    decisions = load_decisions(objects, [batch_id]).get(batch_id, ())
    return apply_holds(catalog.load_outcome(objects, batch_id), decisions)


def _find_images(objects: Objects, batch_id: str, images: Sequence[str]) -> tuple[str, ...]:
    if not images:
        return ()
    known = catalog.load_rows(objects, ["image_id"], [batch_id] if batch_id in catalog.batch_ids(objects) else [])
    return _find(images, known["image_id"], "image")


def _find(wanted: Sequence[str], known: Iterable[str], what: str) -> tuple[str, ...]:
    """The id in full of each one wanted; InvalidInput where none or several begin so."""
    ids = set(known)
    found: list[str] = []
    for beginning in wanted:
        like = [one for one in ids if one.startswith(beginning)] if len(beginning) >= _SHORTEST else []
        if beginning not in ids and len(like) != 1:
            raise InvalidInput(
                f"{len(like) or 'no'} {what}s begin with {beginning!r}: `xray review show` lists them, and "
                f"{_SHORTEST} or more characters of an id are enough where they name one alone"
            )
        found.append(beginning if beginning in ids else like[0])
    return tuple(found)


def _announce(recorded: Recorded) -> str:
    """Tell Prefect where there is a server, and say what follows."""
    if "PREFECT_API_URL" not in os.environ:
        return "No Prefect server is set (PREFECT_API_URL), so the next night takes it in."
    prepare_environment(Settings())
    from tasks.decisions import announce_release  # only now: Prefect takes a second

    if announce_release(recorded):
        return "Prefect was told, and starts what waits for it."
    return "The Prefect server does not answer, so the next night takes it in."


def _counted(statuses: "dict[str, int] | Counter[str]") -> str:
    return ", ".join(f"{count:,} {status}" for status, count in sorted(statuses.items())) or "no images"


def _print_images(images: Sequence[str], whole: int, console: Console) -> None:
    for image_id in images:
        console.print(f"  {image_id}", highlight=False, markup=False, soft_wrap=True)
    if whole > len(images):
        console.print(f"  and {whole - len(images):,} more (--all lists them)", highlight=False)


def _print_decisions(decisions: Sequence[Decision], console: Console) -> None:
    standing = standing_decisions(decisions)
    for one in decisions:
        about = f"{len(one.image_ids)} images" if one.image_ids else "the whole batch"
        what = f"of {one.undoes}" if one.undoes else f"{about} as {one.label}" if one.label else about
        undone = "" if one.id in standing else " (undone)"
        text = f"  {one.id}  {one.when:%Y-%m-%d %H:%M} UTC  {one.who}: {one.action} {what}{undone}. {one.why}"
        console.print(text, highlight=False, markup=False, soft_wrap=True)
