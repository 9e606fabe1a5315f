"""Making a backup, while nights and stewards go on working.

Nothing that lasts is changed once it is written, and each thing is written after what it points at: a ledger entry
after the model, a catalog file after the shards. The copy goes the other way, what points first. So whatever is copied
finds what it points at in the same backup, at whatever moment that was made; what came too late is in the next one.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.backups.records import (
    DATABASE,
    Backup,
    Entry,
    Place,
    backup_key,
    backup_names,
    content_key,
    file_sha256,
    load_backup,
)
from storage.objects import ObjectInfo, Objects, open_objects
from storage.objects.transfer import in_order
from storage.settings import Settings
from storage.store import CONSTANTS_KEY
from xray_model.errors import InvalidInput, ObjectNotFound, XrayError

CACHES = ("checkpoints/", "features/", "scorings/", "staging/")
"""What is not copied: features and answers are computed anew, and what was under way begins again from its start."""
_POINTING = (
    "reports/",
    "ledger/",
    "decisions/",
    "bounds/",
    "scores/",
    "references/",
    "comparisons/",
    "predictions/",
    "retrainings/",
    "snapshots/",
    "catalog/",
    "shards/",
    "incoming/",
)
"""What points before what it points at."""
_HOME = ("salt", "console/", "mlflow-artifacts/")
_WORKERS = 16


def save_backup(settings: Settings, kept: Objects) -> Backup:
    """Copy what lasts into `kept`; contents that earlier backups brought there are not copied again.

    Raises:
        ObjectNotFound: there is no store yet, or something was deleted while it was copied.
        InvalidInput: `kept` holds something else, or a backup made in the same second.
        StoreUnavailable: one of the two stores does not answer, or has no room. No backup was made.
    """
    made, store, home = datetime.now(UTC), open_objects(settings.store_url), settings.home.resolve()
    _check_kept(kept, store)
    store.head(CONSTANTS_KEY)
    known = {(entry.place, entry.key): entry for entry in load_backup(kept).entries} if backup_names(kept) else {}
    entries = list(_copy_all("store", store, list_lasting(store), kept, known))
    if settings.has_own_registry:
        entries += _copy_database(home / DATABASE, kept)
    files = open_objects(home.as_uri())
    listed = (info for prefix in _HOME for info in files.list(prefix))
    entries += _copy_all("home", files, listed, kept, known)
    backup = Backup(made=made, home=str(home), own_registry=settings.has_own_registry, entries=tuple(entries))
    if not kept.create(backup_key(backup.name), backup.model_dump_json().encode()):
        raise InvalidInput(f"{kept.url} holds a backup {backup.name} already: another one was made in the same second")
    return backup


def list_lasting(store: Objects) -> Iterator[ObjectInfo]:
    """All objects of a store but its caches, in the order in which they are to be copied."""
    for prefix in _POINTING:
        yield from store.list(prefix)
    for info in store.list():
        if not info.key.startswith((*_POINTING, *CACHES)):
            yield info


def _check_kept(kept: Objects, store: Objects) -> None:
    if f"{kept.url}/".startswith(f"{store.url}/"):
        raise InvalidInput(f"{kept.url} is inside the store: what destroys the one would destroy the other")
    strange = next((folder for folder in kept.list_folders() if folder not in {"backups/", "content/"}), None)
    if strange is not None:
        raise InvalidInput(f"{kept.url} holds {strange}, which is no part of a backup: name a place of its own")


def _copy_all(
    place: Place, source: Objects, infos: Iterator[ObjectInfo], kept: Objects, known: dict[tuple[Place, str], Entry]
) -> Iterator[Entry]:
    def copy(info: ObjectInfo) -> Entry:
        earlier = known.get((place, info.key))
        if earlier is not None and earlier.info == info:
            return earlier
        with TemporaryDirectory(prefix="xray-backup-") as folder:
            path = Path(folder, "object")
            source.get_file(info.key, path)
            return _keep(place, info, path, kept)

    for info, entry in in_order(copy, infos, _WORKERS, lambda info: info.size):
        if isinstance(entry, ObjectNotFound):
            raise ObjectNotFound(
                f"an object under {info.key.split('/')[0]}/ was deleted while it was copied: run again"
            )
        if isinstance(entry, XrayError):
            raise entry
        yield entry


def _copy_database(database: Path, kept: Objects) -> Iterator[Entry]:
    """MLflow's database as it is at one moment, whoever writes to it; none where nothing was trained yet."""
    if not database.exists():
        return
    with TemporaryDirectory(prefix="xray-backup-") as folder:
        path = Path(folder, "database")
        with (
            closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(path)) as target,
        ):
            source.backup(target)
        yield _keep("home", ObjectInfo(DATABASE, path.stat().st_size, "", datetime.now(UTC)), path, kept)


def _keep(place: Place, info: ObjectInfo, path: Path, kept: Objects) -> Entry:
    sha256, size = file_sha256(path), path.stat().st_size
    if not kept.exists(content_key(sha256)):
        kept.put_file(content_key(sha256), path)
    return Entry(place=place, key=info.key, size=size, etag=info.etag, modified=info.modified, sha256=sha256)
