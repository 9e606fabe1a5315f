"""Putting a backup back into an empty place: what is pointed at first, so that a restore cut short promises nothing."""

import time
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.backups.records import Backup, Entry, content_key, file_sha256
from storage.catalog import PREFIX as CATALOG
from storage.objects import ObjectInfo, Objects, open_objects
from storage.objects.transfer import in_order
from storage.settings import Settings
from storage.store import CONSTANTS_KEY, check_constants
from xray_model.errors import ConfigurationError, InvalidInput, XrayError

_WORKERS = 16
_TICK_SECONDS = 0.25


def restore_backup(settings: Settings, kept: Objects, backup: Backup) -> None:
    """Write everything of a backup where the settings say, each content checked against its hash.

    Raises:
        ConfigurationError: the store or the home is in use, the registry cannot be where it was, or the salt or another
            constant is not the store's.
        InvalidInput: a content of the backup is damaged.
        ObjectNotFound: one is missing.
        StoreUnavailable: a store does not answer, or has no room.
    """
    store, home = open_objects(settings.store_url), settings.home.resolve()
    files = open_objects(home.as_uri())
    _check_place(settings, backup, store, files)
    in_home = [entry for entry in reversed(backup.entries) if entry.place == "home"]
    in_store = [entry for entry in reversed(backup.entries) if entry.place == "store"]
    _restore(files, kept, in_home)
    for entry in in_home:
        (home / entry.key).chmod(0o600)  # the salt, the hashes of tokens
    _restore(store, kept, [entry for entry in in_store if entry.key == CONSTANTS_KEY])
    check_constants(store, settings)
    for prefix, entries in groupby(in_store, lambda entry: entry.key[: entry.key.find("/") + 1]):
        if prefix == CATALOG:
            _restore_by_age(store, kept, entries)
        else:
            _restore(store, kept, (entry for entry in entries if entry.key != CONSTANTS_KEY))


def _check_place(settings: Settings, backup: Backup, store: Objects, files: Objects) -> None:
    if next(iter(store.list()), None) is not None:
        raise ConfigurationError(f"the store {store.url} is not empty: a backup is restored into an empty one alone")
    there = [entry.key for entry in backup.entries if entry.place == "home" and files.exists(entry.key)]
    if there:
        raise ConfigurationError(f"{files.url} holds {there[0]} already: move it away, or name another XRAY_HOME")
    if backup.own_registry != settings.has_own_registry:
        words = "set XRAY_REGISTRY as it was, to the restored registry"
        raise ConfigurationError(
            f"the backup {backup.name} was made with {'the embedded' if backup.own_registry else 'another'} registry: "
            f"{'unset XRAY_REGISTRY' if backup.own_registry else words}"
        )
    if backup.own_registry and backup.home != str(settings.home.resolve()):
        raise ConfigurationError(
            f"MLflow's database in the backup {backup.name} names its models by paths under {backup.home}: restore "
            "with XRAY_HOME set to that"
        )


def _restore(target: Objects, kept: Objects, entries: Iterable[Entry]) -> None:
    work = in_order(lambda entry: _write(target, kept, entry), entries, _WORKERS, lambda entry: entry.size)
    for _, problem in work:
        if isinstance(problem, XrayError):
            raise problem


def _restore_by_age(target: Objects, kept: Objects, entries: Iterable[Entry]) -> None:
    """Write one after the other, so that they are listed in the order in which they were committed.

    A bucket tells times to the second, and those of one second are ordered by key: where that is another order, the
    next one waits for the next second.
    """
    last: ObjectInfo | None = None
    for entry in sorted(entries, key=lambda entry: (entry.modified, entry.key)):
        info = _write(target, kept, entry)
        while last is not None and (info.modified, info.key) < (last.modified, last.key):
            time.sleep(_TICK_SECONDS)
            info = _write(target, kept, entry)
        last = info


def _write(target: Objects, kept: Objects, entry: Entry) -> ObjectInfo:
    with TemporaryDirectory(prefix="xray-restore-") as folder:
        path = Path(folder, "content")
        kept.get_file(content_key(entry.sha256), path)
        if file_sha256(path) != entry.sha256:
            raise InvalidInput(
                f"{content_key(entry.sha256)} in the backup is damaged: empty what was restored, and name another"
            )
        target.put_file(entry.key, path)
    target.keep_time(entry.info)
    return target.head(entry.key)
