"""What `xray models` does: tell which model is or was in service, and record what a steward decides about it."""

import re
from datetime import UTC, date, datetime, time

from rich.console import Console
from rich.table import Column, Table

from apps.review import login_name
from storage import ledger, promotion
from storage.ledger import LedgerEntry, StewardEntry
from storage.objects import Objects
from storage.registry import Registry
from storage.settings import Settings, prepare_environment
from storage.store import open_store
from xray_model.errors import InvalidInput
from xray_model.outcomes import ChampionSummary

_VERSION = re.compile("v?([1-9][0-9]{0,8})")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def list_models() -> None:
    """Print the ledger, oldest first, then which model is in service and which waits."""
    console = Console()
    entries = ledger.load_entries(open_store(Settings()).objects)
    if not entries:
        console.print("No model yet. `xray nightly` trains one when there are accepted images of every class.")
        return
    table = Table(Column("decided (UTC)", no_wrap=True), "by", "decision", "F1 of the minority class", "why")
    for entry in entries:
        table.add_row(f"{entry.decided:%Y-%m-%d %H:%M}", entry.who, entry.did, *_row(entry))
    console.print(table, markup=False)
    champion, waiting = ledger.champion_of(entries), ledger.find_waiting(entries)
    _say(console, _in_service(champion) if champion else "No model is in service: none passed the gate.")
    if waiting is not None:
        _say(
            console,
            f"v{waiting.version} passed the gate and waits: `xray models approve {waiting.version} --why …` puts it in "
            f"service, `xray models refuse {waiting.version} --why …` does not.",
        )


def tell_champion_at(moment: str) -> None:
    """Print which model was in service at a moment, since when, and who put it there.

    Raises:
        InvalidInput: it is no time, or is still to come.
    """
    console = Console()
    when = read_moment(moment, datetime.now(UTC))
    entries = ledger.entries_until(ledger.load_entries(open_store(Settings()).objects), when)
    champion, change = ledger.champion_of(entries), ledger.last_change(entries)
    asked = f"{when:%Y-%m-%d %H:%M} UTC"
    if champion is None or change is None:
        _say(console, f"No model was in service at {asked}.")
        return
    _say(
        console, f"v{champion.version} was in service at {asked}, since {champion.since:%Y-%m-%d %H:%M} UTC.", bold=True
    )
    _say(console, _figures(champion))
    _say(console, _told(change))


def approve(version: str, *, why: str, who: str | None) -> None:
    """Put a model in service that waits for it; raises as `promotion.approve_model`."""
    objects, registry = _open()
    chosen = read_version(version)
    _report(promotion.approve_model(objects, registry, chosen, who=who or login_name(), why=why))


def refuse(version: str, *, why: str, who: str | None) -> None:
    """Keep a model out of service that waits for approval; raises as `promotion.refuse_model`."""
    objects, registry = _open()
    chosen = read_version(version)
    _report(promotion.refuse_model(objects, registry, chosen, who=who or login_name(), why=why))


def go_back(to: str | None, *, why: str, who: str | None) -> None:
    """Put a model in service that was there before; raises as `promotion.roll_back` and `previous_champion`."""
    objects, registry = _open()
    entries = ledger.load_entries(objects)
    chosen = promotion.previous_champion(entries) if to is None else read_version(to)
    seen = ledger.champion_line(entries)[-1] if to is None else None
    _report(promotion.roll_back(objects, registry, chosen, who=who or login_name(), why=why, instead_of=seen))


def read_version(text: str) -> int:
    """The number of a version.

    Raises:
        InvalidInput: it is none.
    """
    found = _VERSION.fullmatch(text)
    if found is None:
        raise InvalidInput(f"{text!r} is no version of a model: give its number, as `xray models` lists it")
    return int(found[1])


def read_moment(text: str, now: datetime) -> datetime:
    """The moment that a text names, UTC where it names no zone; of a day its end, or now where it is not over yet.

    Raises:
        InvalidInput: it is no time, or later than now.
    """
    wrong = InvalidInput(f"{text!r} is no day (2026-05-03) and no moment (2026-05-03T14:30)")
    if not _DAY.match(text):
        raise wrong  # 20260503, say, which is the beginning of a day to `fromisoformat`
    try:
        if _DAY.fullmatch(text):
            day = datetime.combine(date.fromisoformat(text), time(tzinfo=UTC))
            begins, moment = day, min(datetime.combine(day, time.max, UTC), max(day, now))
        else:
            found = datetime.fromisoformat(text)
            begins = moment = found if found.tzinfo else found.replace(tzinfo=UTC)
    except ValueError as error:
        raise wrong from error
    if begins > now:
        raise InvalidInput(f"{text} is still to come: nobody knows which model is in service then")
    return moment.astimezone(UTC)


def _open() -> tuple[Objects, Registry]:
    settings = Settings()
    prepare_environment(settings)
    return open_store(settings).objects, Registry(settings)


def _report(recorded: promotion.Recorded[StewardEntry]) -> None:
    console, entry = Console(), recorded.entry
    _say(console, _told(entry), bold=True)
    if not recorded.new:
        _say(console, "That is on record already; nothing was written.")
    if recorded.behind:
        _say(console, f"It counts, but MLflow's aliases do not follow yet, and will in the next run: {recorded.behind}")
    after = entry.champion_after
    if entry.kind == "refusal":
        stays = "No model is in service" if after is None else f"v{after} stays in service"
        _say(console, f"{stays}. v{entry.version} is kept, and is not trained again on the same images and options.")
        return
    before = entry.champion_before
    instead = "" if before is None else f" instead of v{before}"
    _say(console, f"v{after} is in service now{instead}; the next challenger is compared with it.")
    if before is not None:
        _say(console, f"`xray models rollback --to {before} --why …` goes back to v{before}.")


def _row(entry: LedgerEntry) -> tuple[str, str]:
    """By which figures, and why."""
    if isinstance(entry, StewardEntry):
        return "", entry.why
    decision = entry.decision
    f1 = f"{decision.minority} {decision.minority_f1}, {entry.test_patients} patients"
    return f1, "" if decision.promote else " ".join(decision.reasons)


def _told(entry: LedgerEntry) -> str:
    words = f"{entry.who} {entry.did}, {entry.decided:%Y-%m-%d %H:%M} UTC"
    return f"{words}: {entry.why}" if isinstance(entry, StewardEntry) else f"{words}."


def _in_service(champion: ChampionSummary) -> str:
    return f"v{champion.version} is in service since {champion.since:%Y-%m-%d %H:%M} UTC. {_figures(champion)}"


def _figures(champion: ChampionSummary) -> str:
    return (
        f"{champion.backbone}, trained on snapshot {champion.snapshot_id}; F1 of {champion.minority} "
        f"{champion.minority_f1}, on {champion.patients} test patients."
    )


def _say(console: Console, text: str, *, bold: bool = False) -> None:
    console.print(text, style="bold" if bold else None, highlight=False, markup=False, soft_wrap=True)
