"""Errors of the operating system as errors of the store.

The system's own messages hold whole paths, and a file name can carry a patient's id: they are never passed on.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from storage.objects.keys import shown
from xray_model.errors import ConfigurationError, InvalidInput, ObjectNotFound, StoreUnavailable, XrayError

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Turn an OSError of the block into an error of the store; FileExistsError is left to the caller."""
    try:
        yield
    except FileExistsError:
        raise
    except (NotADirectoryError, IsADirectoryError):
        raise InvalidInput(f"{doing}: a folder and an object would have the same name. Choose another.") from None
    except OSError as error:
        raise _as_ours(doing, error) from None


@contextmanager
def reading(key: str) -> Iterator[None]:
    """As `told`, for reading the object of one key: what is missing is ObjectNotFound."""
    with told(f"reading {shown(key)}"):
        try:
            yield
        except (FileNotFoundError, NotADirectoryError):
            raise ObjectNotFound(f"there is no object {shown(key)} in the store.") from None
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise ObjectNotFound(f"there is no object {shown(key)}: the name is too long for a file.") from None
            if error.errno == errno.ELOOP:
                raise link_refused(key) from None
            raise


@contextmanager
def linking() -> Iterator[None]:
    """Around making a hard link: say so where the file system has none."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        raise ConfigurationError(
            "the file system of the store has no hard links, which create-only writes need. Put the store on a "
            "local disk, or use s3://."
        ) from None


def check_regular(key: str, mode: int) -> None:
    """Make sure that `mode` (of stat) is a regular file's.

    Raises:
        InvalidInput: it is a link's.
        ObjectNotFound: it is a folder's or a device's.
    """
    if stat.S_ISLNK(mode):
        raise link_refused(key)
    if not stat.S_ISREG(mode):
        raise ObjectNotFound(f"there is no object {shown(key)} in the store, but a folder or device of that name.")


def link_refused(key: str) -> InvalidInput:
    """The error for a key that is, or lies behind, a link."""
    return InvalidInput(f"{shown(key)} is or lies behind a link, and the store follows none. Copy the files instead.")


def open_source(path: Path) -> BinaryIO:
    """Open a file that is to be sent to a store.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        return path.open("rb")
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise InvalidInput(f"a file to be stored cannot be read: {reason}. Check its name and permissions.") from None


def _as_ours(doing: str, error: OSError) -> XrayError:
    reason = os.strerror(error.errno or 0)
    if error.errno == errno.ENAMETOOLONG:
        return InvalidInput(f"{doing}: a part of the key is too long for a file name (255 bytes). Shorten it.")
    if error.errno == errno.EXDEV:
        return ConfigurationError(f"{doing}: the folder lies on another disk than the store's root. Use one disk.")
    return StoreUnavailable(f"{doing}: {reason}. Check that the disk is mounted, has room, and may be written.")
