"""The registry's aliases, which follow the ledger: what a crash left between the two, every run puts right."""

from collections.abc import Sequence
from contextlib import suppress

from storage.ledger import GateEntry, LedgerEntry, champion_line, find_judged, find_waiting, load_entries
from storage.objects import Objects
from storage.registry import CHALLENGER, CHAMPION, PREVIOUS, Registry
from xray_model.errors import ConfigurationError, ObjectNotFound, RegistryUnavailable

_TRIES = 5
"""Times that the registry is told before one says that it does not follow."""


def follow_ledger(objects: Objects, registry: Registry) -> list[LedgerEntry]:
    """Let the registry's aliases name what the ledger says, and give the ledger's entries.

    What is decided meanwhile is followed as well: of several who do this at once the last one leaves them right.

    Raises:
        ConfigurationError: the registry has another model under one of these versions; no alias was moved.
        RegistryUnavailable: the registry does not follow; the ledger counts all the same, and the next run tries again.
    """
    for _ in range(_TRIES):
        entries = load_entries(objects)
        wanted = wanted_aliases(entries)
        if not entries or registry.aliases() == {alias: version for alias, version in wanted.items() if version}:
            return entries
        for version in filter(None, wanted.values()):
            with suppress(ObjectNotFound):
                find_run(entries, registry, version)
        registry.move_aliases(wanted)
    raise RegistryUnavailable("the model registry does not keep the aliases it is given; the next run tries again")


def wanted_aliases(entries: Sequence[LedgerEntry]) -> dict[str, int | None]:
    """What each alias names after these entries, None for nothing, in the order in which they move."""
    line = champion_line(entries)
    waiting = find_waiting(entries)
    last = next((entry for entry in reversed(entries) if isinstance(entry, GateEntry)), None)
    challenger = waiting or last
    return {
        CHALLENGER: None if challenger is None else challenger.version,
        PREVIOUS: line[-2] if len(line) > 1 else None,
        CHAMPION: line[-1] if line else None,
    }


def find_run(entries: Sequence[LedgerEntry], registry: Registry, version: int) -> str:
    """MLflow run of a version that the ledger names.

    Raises:
        ConfigurationError: the registry has another model under this version.
        ObjectNotFound: the registry has no such version.
        RegistryUnavailable: the registry does not answer.
    """
    run_id = registry.run_of(version)
    judged = find_judged(entries, version)
    if judged is not None:
        check_same_run(judged, run_id)
    return run_id


def check_same_run(judged: GateEntry, run_id: str | None) -> None:
    """Refuse a model that is not the one which was decided on under its version.

    Raises:
        ConfigurationError: it comes from another run.
    """
    if judged.run_id not in {None, run_id}:
        raise ConfigurationError(
            f"the ledger decided on v{judged.version} of MLflow run {judged.run_id}, and the model registry's "
            f"v{judged.version} comes from run {run_id}: this is not the registry that the ledger was written with. "
            "Restore that one, or begin a new store."
        )
