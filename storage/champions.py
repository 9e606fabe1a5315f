"""The models that answer: which one the ledger has in service, and a checked copy of its file."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from storage.aliases import find_run
from storage.ledger import GateEntry, LedgerEntry, find_judged, last_change, load_entries
from storage.objects import Objects
from storage.registry import Registry
from storage.retrainings import load_retraining
from xray_model.errors import InvalidInput
from xray_model.outcomes import ServedModel


def find_champion(objects: Objects, registry: Registry) -> ServedModel | None:
    """The model in service, by the ledger; None before the first promotion.

    Raises:
        ConfigurationError: the registry has another model under its version.
        InvalidInput: the ledger or the record of the training is damaged.
        ObjectNotFound: the registry has no such version any more, or nothing says what its file was.
        RegistryUnavailable: the registry does not answer.
        StoreUnavailable: the store does not answer.
    """
    entries = load_entries(objects)
    change = last_change(entries)
    return None if change is None else _describe(objects, registry, entries, change.version)


def find_version(objects: Objects, registry: Registry, version: int) -> ServedModel:
    """A model that the gate decided on, whether it ever was in service or not.

    Raises:
        InvalidInput: there is no such version.
        XrayError: as `find_champion`.
    """
    return _describe(objects, registry, load_entries(objects), version)


def fetch_model(registry: Registry, model: ServedModel, path: Path) -> None:
    """Put a model's `.keras` file at a path, whole and as it was recorded, or not at all.

    Raises:
        InvalidInput: the registry's file is another one.
        ObjectNotFound: its run is gone or deleted, or holds no model.
        RegistryUnavailable: the registry does not answer.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with registry.model_file(model.run_id) as found:
            shutil.copyfile(found, part)
        check_file(part, model)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def check_file(path: Path, model: ServedModel) -> None:
    """Refuse a file that is not the model's.

    Raises:
        InvalidInput: it has another hash.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != model.model_sha256:
        raise InvalidInput(
            f"the file of model v{model.version} has the sha256 {found}, and {model.model_sha256} was recorded when it "
            "was trained: it was changed since, and is not used. Restore it, or put another model in service."
        )


def _describe(objects: Objects, registry: Registry, entries: Sequence[LedgerEntry], version: int) -> ServedModel:
    judged = find_judged(entries, version)
    if judged is None:
        raise InvalidInput(f"there is no model v{version}; `xray models` lists those there are")
    run_id = find_run(entries, registry, version)
    return ServedModel(
        version=version,
        run_id=run_id,
        snapshot_id=judged.snapshot_id,
        model_sha256=judged.model_sha256 or _recorded_hash(objects, run_id),
        backbone=judged.backbone,
        classes=judged.classes,
        minority=judged.decision.minority,
        minority_f1=judged.decision.minority_f1,
        test_patients=judged.test_patients,
        since=_find_start(entries, judged).decided,
    )


def _recorded_hash(objects: Objects, run_id: str) -> str:
    """Of a model whose entry in the ledger is older than the hashes there."""
    training = load_retraining(objects, run_id).training
    if training is None:
        raise InvalidInput(f"the store's record of the training of MLflow run {run_id} names no model")
    return training.model_sha256


def _find_start(entries: Sequence[LedgerEntry], judged: GateEntry) -> LedgerEntry:
    """What last put a model in service; the decision on it where nothing ever did."""
    changes = (one for one in reversed(entries) if one.changes_champion and one.version == judged.version)
    return next(changes, judged)
