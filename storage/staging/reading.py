"""What a layout reader opens, fetched ahead of it many files at a time."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing

from storage.archives import BatchFiles
from xray_model.data.layouts.detection import detect_layout
from xray_model.data.records import HEADER_BYTES, Reading
from xray_model.errors import XrayError

Start = tuple[str, int | None]
"""A file, and how much of it is read (None: all)."""
Data = bytes | XrayError


def read_batch(files: BatchFiles, layout: str | None) -> Reading:
    """Describe every image of a batch; decode none.

    Raises:
        InvalidInput: it follows no layout (UnknownLayout), or its tables contradict it.
    """
    if not files.names:
        return Reading(layout or "none", ())
    reader = detect_layout(files.names, layout)
    needs, headers = reader.needs(files.names), reader.headers(files.names)
    expected: list[Start] = [*((name, None) for name in needs), *((name, HEADER_BYTES) for name in headers)]
    fetched = _fetch(files, needs, headers)
    with closing(fetched):
        return reader.read(files.names, ReadAhead(files, fetched, expected))


class ReadAhead:
    """An `OpenFile` over what is fetched in the order in which a reader is expected to open it.

    Opened one by one, a sidecar each would cost more than its image. What was fetched before its turn is kept until
    it is opened, so a reader that keeps the order needs little memory, however many files there are.
    """

    def __init__(self, files: BatchFiles, fetched: Iterator[tuple[Start, Data]], expected: Iterable[Start]) -> None:
        self._files, self._fetched, self._expected = files, fetched, set(expected)
        self._early: dict[Start, Data] = {}

    def __call__(self, name: str, /, *, first: int | None = None) -> bytes:
        """See `OpenFile`."""
        wanted = (name, first)
        if wanted not in self._expected:  # a second time, or the whole file where its start was too short
            return self._files.open(name, first)
        self._expected.remove(wanted)
        while wanted not in self._early:
            found, data = next(self._fetched)
            self._early[found] = data
        data = self._early.pop(wanted)
        if isinstance(data, XrayError):
            raise data
        return data


def _fetch(files: BatchFiles, needs: Sequence[str], headers: Sequence[str]) -> Generator[tuple[Start, Data]]:
    for name, data in files.open_many(needs):
        yield (name, None), data
    for name, data in files.open_many(headers, first=HEADER_BYTES):
        yield (name, HEADER_BYTES), data
