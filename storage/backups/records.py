"""What a backup is: a list of objects with the hash of each, beside their contents, which all backups share."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from storage.objects import ObjectInfo, Objects
from xray_model.errors import InvalidInput, ObjectNotFound

PREFIX = "backups/"
DATABASE = "mlflow.db"
Place: TypeAlias = Literal["store", "home"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Entry(_Frozen):
    """One object as it was."""

    place: Place
    """In the store, or a file under the home."""
    key: str
    size: int
    etag: str
    modified: datetime
    sha256: str
    """Names its content in the backup."""

    @property
    def info(self) -> ObjectInfo:
        """As it was listed."""
        return ObjectInfo(self.key, self.size, self.etag, self.modified)


class Backup(_Frozen):
    """Everything that lasted at one moment, as it was copied: what points before what it points at."""

    layout: Literal[1] = 1
    made: datetime
    """UTC, when it was begun."""
    home: str
    """The registry's database holds its path."""
    own_registry: bool
    """Whether the embedded registry is in here; another one has a backup of its own."""
    entries: tuple[Entry, ...]

    @property
    def name(self) -> str:
        """Names it in the backup's store."""
        return f"{self.made:%Y%m%dT%H%M%SZ}"


def content_key(sha256: str) -> str:
    """Key of a content in the backup's store."""
    return f"content/{sha256[:2]}/{sha256}"


def backup_key(name: str) -> str:
    """Key of a backup's list."""
    return f"{PREFIX}{name}.json"


def backup_names(kept: Objects) -> list[str]:
    """All complete backups, oldest first."""
    return [info.key.removeprefix(PREFIX).removesuffix(".json") for info in kept.list(PREFIX)]


def load_backup(kept: Objects, name: str | None = None) -> Backup:
    """A backup's list; of the newest one where none is named.

    Raises:
        ObjectNotFound: there is none, or none of this name.
        InvalidInput: it is damaged, or of another version's layout.
    """
    names = backup_names(kept)
    if not names:
        raise ObjectNotFound(f"{kept.url} holds no complete backup: `xray backup` makes one")
    chosen = names[-1] if name is None else name
    if chosen not in names:
        raise ObjectNotFound(f"{kept.url} holds no backup {chosen}; there are {', '.join(names)}")
    try:
        return Backup.model_validate_json(kept.get(backup_key(chosen)))
    except ValidationError as error:
        raise InvalidInput(
            f"{backup_key(chosen)} is damaged, or was written by another version: name an earlier one"
        ) from error


def file_sha256(path: Path) -> str:
    """Hash of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
