"""The landing zone: which batches have arrived, which are ready, and which of their files are new."""

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from storage.objects import ObjectInfo, Objects
from xray_model.errors import InvalidInput

PREFIX = "incoming/"
READY = "_READY"
ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".zip", ".tar")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_LONGEST = 60
_PART = re.compile(r"[._-]?part[._-]?\d+$", re.IGNORECASE)


@dataclass(frozen=True)
class IncomingBatch:
    """One batch as it lies in the landing zone now."""

    source: str
    name: str
    prefix: str
    """Key prefix that file names are relative to."""
    infos: tuple[ObjectInfo, ...]
    """Its objects in key order, without the `_READY` mark."""
    marked: bool
    """Whether the sender has put `_READY`."""
    attempt: int = 0
    """How many times the same files were read before and are to be read again, all of them."""

    @property
    def family(self) -> str:
        """What all revisions of this batch share: the beginning of their ids."""
        return f"{_slug(self.source)}.{_slug(self.name)}."

    @cached_property
    def batch_id(self) -> str:
        """Source, batch, and a digest of what lies there: late or changed files make a new revision.

        The same files read again have the number of the attempt behind it.
        """
        digest = hashlib.sha256()
        for info in self.infos:
            digest.update(f"{info.key}\0{info.size}\0{info.etag}\n".encode("utf-8", "surrogateescape"))
        return f"{self.family}{digest.hexdigest()[:12]}{f'-{self.attempt}' if self.attempt else ''}"

    def is_ready(self, now: datetime, settle: timedelta) -> bool:
        """Marked by its sender, or quiet for `settle`."""
        return self.marked or all(info.modified <= now - settle for info in self.infos)


def list_batches(objects: Objects, sources: Iterable[str] = ()) -> list[IncomingBatch]:
    """Every batch in the landing zone, in the order of source and name.

    A batch is a folder `incoming/<source>/<batch>/`, or archives `incoming/<source>/<batch>.tgz` of which the
    parts of one set (`..._part1.tgz`, `..._part2.tgz`) are one batch.
    """
    wanted = set(sources)
    grouped: dict[tuple[str, str, str], list[ObjectInfo]] = {}
    for info in objects.list(PREFIX):
        source, _, rest = info.key.removeprefix(PREFIX).partition("/")
        if not rest or (wanted and source not in wanted):
            continue
        folder, slash, _ = rest.partition("/")
        if slash:
            grouped.setdefault((source, folder, f"{PREFIX}{source}/{folder}/"), []).append(info)
        elif rest.lower().endswith(ARCHIVE_SUFFIXES):
            grouped.setdefault((source, archive_batch_name(rest), f"{PREFIX}{source}/"), []).append(info)
    return [
        IncomingBatch(
            source=source,
            name=name,
            prefix=prefix,
            infos=tuple(info for info in infos if info.key != f"{prefix}{READY}"),
            marked=any(info.key == f"{prefix}{READY}" for info in infos),
        )
        for (source, name, prefix), infos in sorted(grouped.items())
    ]


def list_ready(
    objects: Objects, settle: timedelta, sources: Iterable[str] = (), now: datetime | None = None
) -> list[IncomingBatch]:
    """The batches that may be read now."""
    moment = now or datetime.now(UTC)
    return [batch for batch in list_batches(objects, sources) if batch.is_ready(moment, settle)]


def choose_batches(
    ready: Iterable[IncomingBatch], committed: Collection[str], names: Collection[str] = (), *, again: bool = False
) -> list[IncomingBatch]:
    """Which of the ready batches are read now.

    Args:
        ready: as `list_ready` gives them.
        committed: ids of the batches in the catalog.
        names: only batches of these names; all where empty.
        again: also those whose present revision is committed, as its next attempt. One that was interrupted goes on.

    Raises:
        InvalidInput: no ready batch has one of the names, or `again` was asked for without a name.
    """
    if again and not names:
        raise InvalidInput("name the batches that are to be read again: reading everything again is never meant")
    chosen = [batch for batch in ready if not names or batch.name in names]
    if missing := set(names).difference(batch.name for batch in chosen):
        raise InvalidInput(
            f"no batch {', '.join(sorted(missing))} is ready in the landing zone. "
            "`xray batches` lists the ones that were read; a batch without _READY is ready once it is quiet."
        )
    fresh = [batch for batch in chosen if batch.batch_id not in committed]
    return [_next_attempt(batch, committed) for batch in chosen] if again else fresh


def _next_attempt(batch: IncomingBatch, committed: Collection[str]) -> IncomingBatch:
    while batch.batch_id in committed:
        batch = replace(batch, attempt=batch.attempt + 1)
    return batch


def archive_batch_name(file_name: str) -> str:
    """The batch that an archive makes: its name without suffix, in either case, and part number."""
    for suffix in ARCHIVE_SUFFIXES:
        if file_name.lower().endswith(suffix):
            stem = file_name[: -len(suffix)]
            return _PART.sub("", stem) or stem
    return file_name


def check_name(name: str, what: str) -> str:
    """`name` where it can stand in keys and ids as a source or batch name.

    Raises:
        InvalidInput: it is empty, too long, or holds anything but letters, digits, `-` and `_`.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot name a {what}: use up to 60 letters, digits, hyphens and underscores, "
            "beginning with a letter or digit"
        )
    return name


def _slug(name: str) -> str:
    """A name as it may stand in a key; one that must be changed for that keeps a digest, so that no two meet."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", name)[:_LONGEST]
    if plain == name:
        return plain
    return f"{plain}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
