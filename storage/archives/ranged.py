"""Reading a large object piece by piece as if it were a file on a disk."""

import errno
import io
import os
from collections.abc import Callable

from xray_model.errors import InvalidInput

ReadRange = Callable[[int, int], bytes]
"""Reads `length` bytes from `start`, fewer where the object ends."""

_LEAST, _MOST = 2**16, 2**23
_NEAR = 2**20
"""A gap this small costs less to read through than another request does."""


class RangeReader:
    """A ReadRange that reads ahead: little after a jump, twice as much each time while reads go on forwards."""

    def __init__(self, read: ReadRange, size: int) -> None:
        self.size = size
        self._read = read
        self._block, self._start, self._ahead = b"", 0, _LEAST

    def __call__(self, start: int, length: int) -> bytes:
        """Bytes `start` to `start + length`, fewer where the object ends."""
        end = min(start + length, self.size)
        if end <= start:
            return b""
        known = self._start + len(self._block)
        if start < self._start or end > known:
            forwards = self._start <= start < known + _NEAR
            self._ahead = min(self._ahead * 2, _MOST) if forwards else _LEAST
            # The table of contents of a zip is read backwards from its end: fetch the whole end at once.
            self._start = min(start, max(0, self.size - _LEAST))
            self._block = self._read(self._start, max(end - self._start, self._ahead))
        return self._block[start - self._start : end - self._start]


class RangeFile(io.RawIOBase):
    """A seekable file over a RangeReader, for a library that wants one."""

    def __init__(self, reader: RangeReader, longest_read: int) -> None:
        """Open at the first byte.

        Args:
            reader: the object.
            longest_read: bytes; a single longer read raises InvalidInput, so that a damaged length in the object
                cannot fill the memory.
        """
        self._reader, self._longest, self._position = reader, longest_read, 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The position of the next byte read."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, and return the new position; OSError for one before the first byte, as a file on a disk raises."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._reader.size}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, f"a position of {start + offset} bytes was asked for")
        self._position = start + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes, all that remain when it is negative or None."""
        remaining = max(0, self._reader.size - self._position)
        length = remaining if size is None or size < 0 else min(size, remaining)
        if length > self._longest:
            raise InvalidInput(f"one part of an archive's table of contents claims {length} bytes.")
        data = self._reader(self._position, length)
        self._position += len(data)
        return data
