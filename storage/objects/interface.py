"""The one interface to everything that lasts: objects under keys, in a bucket or in a directory.

`open_objects` gives the store a URL names. Both kinds keep one contract, held by one test suite: what is listed is
sorted and complete, an object is there whole or not at all, and `create` has exactly one winner.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from xray_model.errors import ConfigurationError, XrayError


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object as it is listed, its content unread."""

    key: str
    size: int
    """Bytes."""
    etag: str
    """S3's own, without quotes; in a directory the time of change and the size. It differs when the content does."""
    modified: datetime
    """UTC."""


class Objects(Protocol):
    """A store of objects. Safe to use from many threads.

    Keys are parts joined by `/`, relative to the store's root. Every method that takes a key raises InvalidInput for
    one that is not safe (`keys.check_key`), and StoreUnavailable when the store does not answer or refuses after all
    retries. What a sender left under an unsafe key is still listed, so that it is counted and named.
    """

    @property
    def url(self) -> str:
        """Where the store is; `open_objects(url)` opens it again."""
        ...

    @property
    def readers(self) -> int:
        """How many objects it pays to read at a time: few where reading is a matter of microseconds."""
        ...

    def list(self, prefix: str = "", start_after: str | None = None) -> Iterator[ObjectInfo]:
        """Objects whose key begins with `prefix` and is greater than `start_after`, in the order of their keys.

        Any text may be a prefix, the ones `list_folders` gives included; one that is no beginning lists nothing.
        """
        ...

    def list_folders(self, prefix: str = "") -> Iterator[str]:
        """Beginnings of keys up to the first `/` after `prefix`, each once, in order, with that `/`."""
        ...

    def head(self, key: str) -> ObjectInfo:
        """What `list` would say of one object; ObjectNotFound when there is none."""
        ...

    def exists(self, key: str) -> bool:
        """Whether there is an object under `key`."""
        ...

    def get(self, key: str) -> bytes:
        """The whole object; ObjectNotFound when there is none."""
        ...

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Bytes `start` to `start + length`, fewer where the object ends; ObjectNotFound when there is none."""
        ...

    def get_file(self, key: str, path: Path) -> None:
        """Copy an object to the file `path`, streamed; the file is there whole or not at all."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Write an object, over another if there is one."""
        ...

    def put_file(self, key: str, path: Path) -> None:
        """Write an object from the file `path`, streamed, in several parts when it is large."""
        ...

    def create(self, key: str, data: bytes | memoryview) -> bool:
        """Write an object only if there is none; True when this call made it, False when one was there."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens when there is none."""
        ...

    def keep_time(self, info: ObjectInfo) -> None:
        """Let an object be as old as `info` says, and have its etag where that is a directory's as well.

        Nothing happens in a bucket, which sets times itself.
        """
        ...

    def get_many(self, keys: Iterable[str], workers: int | None = None) -> Iterator[tuple[str, bytes | XrayError]]:
        """Read many objects at a time, in the order of `keys`, with the error in place of what could not be read.

        Memory is bounded: about 256 MiB are read ahead, however many keys there are.
        """
        ...

    def put_many(self, items: Iterable[tuple[str, bytes]], workers: int | None = None) -> int:
        """Write many objects at a time and return how many; the first error is raised once all others are done."""
        ...

    def probe_create_only(self) -> bool:
        """Whether `create` has one winner here, tried with a small race that leaves nothing behind."""
        ...


def get_all(objects: Objects, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """`Objects.get_many` for who needs every one of them: the first that could not be read ends it with its error."""
    for key, data in objects.get_many(keys):
        if not isinstance(data, bytes):
            raise data
        yield key, data


def open_objects(url: str) -> Objects:
    """Open the store that `url` names.

    Args:
        url: `file:///path`, made when missing, or `s3://bucket/prefix`, with endpoint, region and credentials as
            boto3 finds them (environment, shared files, instance role).

    Raises:
        ConfigurationError: another kind of URL, or one with parts that have no meaning here.
    """
    parts = urlsplit(url)
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigurationError(
            "the store's URL holds '@', '?' or '#'. Give file:///path or s3://bucket/prefix; credentials belong into "
            "boto3's own settings, and such a character in a path is written %40, %3F or %23."
        )
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.strip("/"):
        from storage.objects.local import LocalObjects

        return LocalObjects(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        from storage.objects.s3 import S3Objects  # takes a third of a second

        return S3Objects(parts.netloc, unquote(parts.path).strip("/"))
    raise ConfigurationError(f"{url!r} names no store. Give file:///absolute/path or s3://bucket/prefix.")
