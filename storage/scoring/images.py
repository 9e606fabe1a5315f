"""The images below a user's folder or prefix, which is read and never written to.

Their names can carry a patient's id, and are the user's own: they are in no message here.
"""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote_to_bytes, urlsplit

from storage.objects import ObjectInfo, open_objects
from storage.objects.keys import disk_from_key
from storage.objects.local_listing import objects_under
from xray_model.data.layouts.files import FileKind, kind_of
from xray_model.errors import InvalidInput, ObjectNotFound, StoreUnavailable, UnreadableImage, XrayError

LARGEST = 256 * 2**20
"""Bytes of a file that is read, as at ingest."""
_PICTURES = (FileKind.IMAGE, FileKind.DICOM)

File = bytes | UnreadableImage
"""The content of a file, or why there is none."""


class Images:
    """Images below one root, by name and in order.

    No dataclass and no tuple: Prefect looks into these, Dask's log shows them, and the names are nobody else's.
    """

    def __init__(self, root: str, names: Sequence[str], sizes: Sequence[int], first: int = 0) -> None:
        self.root, self.names, self.first = root, names, first
        """`root` is a `file://` or `s3://` URL; `first` is the number of the first of these among all."""
        self._sizes = sizes

    def __len__(self) -> int:
        return len(self.names)

    def printable_names(self) -> list[str]:
        r"""The names as a table shows them: of one that is not UTF-8 on the disk, each wrong byte as `\xfc`."""
        if _folder_of(self.root) is None:
            return [*self.names]
        return [disk_from_key(name).decode("utf-8", "backslashreplace") for name in self.names]

    def part(self, first: int, count: int) -> "Images":
        """Some of them, in their order."""
        places = slice(first, first + count)
        return Images(self.root, self.names[places], self._sizes[places], self.first + first)

    def read(self) -> Iterator[File]:
        """The content of each, in order; of one that cannot be read, why.

        Raises:
            StoreUnavailable: the bucket or the folder itself does not answer.
        """
        small = (name for name, size in zip(self.names, self._sizes, strict=True) if size <= LARGEST)
        contents = _open_source(self.root).read(small)
        for size in self._sizes:
            yield next(contents) if size <= LARGEST else _too_large()


class FoundImages:
    """All images below a root, a mark of what they are, and what lies beside them."""

    def __init__(self, images: Images, digest: str, passed_over: dict[str, int]) -> None:
        self.images = images
        self.digest = digest
        """Of names, sizes and times (or etags): another one where any file is another."""
        self.passed_over = passed_over
        """Whatever else lies there, counted by what it is."""


def check_place(place: str) -> None:
    """Refuse a place that cannot hold images, which costs no listing; raises as `find_images`."""
    _open_source(_root_url(place))


def find_images(place: str) -> FoundImages:
    """List every image below a folder or a prefix.

    Args:
        place: an absolute path, `file:///path` or `s3://bucket/prefix`.

    Raises:
        InvalidInput: there is no such folder, or no image in it.
        ConfigurationError: this is no URL of a folder or a bucket.
        StoreUnavailable: the bucket does not answer.
    """
    root = _root_url(place)
    source = _open_source(root)
    digest, passed_over = hashlib.sha256(root.encode()), Counter[str]()
    names, sizes = [], []
    for info in source.list():
        kind = kind_of(info.key)
        if kind not in _PICTURES:
            passed_over[kind.value] += 1
            continue
        names.append(info.key)
        sizes.append(info.size)
        digest.update(f"{info.key}\0{info.size}\0{info.etag}\0".encode())
    passed_over += source.count_others()
    if not names:
        others = ", ".join(f"{count} x {kind}" for kind, count in passed_over.items()) or "nothing"
        raise InvalidInput(
            f"there is no image below {place} (found: {others}). PNG, JPEG and DICOM files are answered, by their "
            "names; links are not followed, and archives not opened."
        )
    return FoundImages(Images(root, names, sizes), digest.hexdigest(), dict(passed_over))


def read_image(path: Path) -> File:
    """The content of a file that somebody names by itself, or why there is none."""
    if path.is_dir():
        return UnreadableImage("it is a folder, which `xray score` answers")
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:  # waits for no pipe
            return _read_bounded(file)
    except OSError as error:
        return _unreadable(error)


class _Source(Protocol):
    def list(self) -> Iterator[ObjectInfo]: ...

    def count_others(self) -> Counter[str]: ...

    def read(self, names: Iterable[str]) -> Iterator[File]: ...


class _Folder:
    """A folder of this machine; no link in it is followed, and nothing is made in it."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            hint = "; `xray predict` answers single images" if root.is_file() else ""
            raise InvalidInput(f"{root} is no folder of this machine{hint}")
        self._root = root.resolve()

    def list(self) -> Iterator[ObjectInfo]:
        try:
            yield from objects_under(self._root, "", "")
        except OSError as error:
            raise InvalidInput(f"a folder below {self._root} cannot be listed: {error.strerror}") from None

    def count_others(self) -> Counter[str]:
        """What is no file and no folder, and so never listed."""
        found, folders = Counter[str](), [str(self._root)]
        while folders:
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif not entry.is_file(follow_symlinks=False):
                        found[_describe_special(entry.stat(follow_symlinks=False).st_mode)] += 1
        return found

    def read(self, names: Iterable[str]) -> Iterator[File]:
        return map(self._read, names)

    def _read(self, name: str) -> File:
        try:
            folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise StoreUnavailable(f"the folder {self._root} cannot be opened: {error.strerror}") from None
        try:
            return _read_below(folder, os.fsdecode(disk_from_key(name)).split("/"))
        except OSError as error:
            return _unreadable(error)


def _read_below(folder: int, parts: Sequence[str]) -> File:
    """A file below an open folder, which is closed; each part is opened in the one before, so that none is a link."""
    opened = folder
    for place, part in enumerate(parts, start=1):
        kind = os.O_NONBLOCK if place == len(parts) else os.O_DIRECTORY  # a pipe is not waited for
        try:
            below = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind, dir_fd=opened)
        finally:
            os.close(opened)
        opened = below
    with os.fdopen(opened, "rb") as file:
        return _read_bounded(file)


def _read_bounded(file: BinaryIO) -> File:
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return UnreadableImage("it is no regular file")
    data = file.read(LARGEST + 1)
    return data if len(data) <= LARGEST else _too_large()


def _unreadable(error: OSError) -> UnreadableImage:
    """Without the system's own message, which holds the path."""
    return UnreadableImage(f"the file cannot be read: {os.strerror(error.errno or 0)}")


class _Prefix:
    """A prefix of a bucket."""

    def __init__(self, url: str) -> None:
        self._objects = open_objects(url)
        self._url = url

    def list(self) -> Iterator[ObjectInfo]:
        return self._objects.list()

    def count_others(self) -> Counter[str]:
        return Counter()

    def read(self, names: Iterable[str]) -> Iterator[File]:
        for _, data in self._objects.get_many(names):
            yield self._explain(data) if isinstance(data, XrayError) else data

    def _explain(self, error: XrayError) -> UnreadableImage:
        """Why one object could not be read, in words without its key."""
        if isinstance(error, ObjectNotFound):
            return UnreadableImage("it was there when the prefix was listed, and is no more")
        if isinstance(error, InvalidInput):
            return UnreadableImage("its key is none that a store can hold safely: rename it")
        raise StoreUnavailable(f"{self._url} does not answer while its images are read") from None


def _root_url(place: str) -> str:
    """`file://` or `s3://` URL of a place.

    Raises:
        InvalidInput: it is a relative path, and a worker has no folder of its user's.
    """
    if "://" in place:
        return place
    path = Path(place)
    if not path.is_absolute():
        raise InvalidInput(f"{place} is a relative path, and whoever runs this may be elsewhere: give a whole one")
    return path.as_uri()


def _open_source(url: str) -> _Source:
    folder = _folder_of(url)
    return _Prefix(url) if folder is None else _Folder(folder)


def _folder_of(url: str) -> Path | None:
    """The folder that a URL names; None where it names a prefix."""
    parts = urlsplit(url)
    here = parts.scheme == "file" and parts.netloc in {"", "localhost"}
    return Path(os.fsdecode(unquote_to_bytes(parts.path))) if here else None


def _describe_special(mode: int) -> str:
    """What is no file and no folder, as it is counted."""
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISFIFO(mode):
        return "named pipe"
    return "socket" if stat.S_ISSOCK(mode) else "device"


def _too_large() -> UnreadableImage:
    return UnreadableImage(f"the file is larger than {LARGEST // 2**20} MiB")
