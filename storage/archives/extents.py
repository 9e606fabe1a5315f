"""Where each file of a batch lies, and which of them are fetched with one request."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from storage.archives.members import MIB, Member
from storage.archives.ranged import ReadRange
from storage.objects import ObjectInfo

_LONGEST = 8 * MIB
_GAP = MIB // 4
"""Bytes between two files that are fetched in vain rather than by another request."""
_TOGETHER = 8
"""Small loose files that one worker reads one after another: handing over each by itself would cost more than it."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Where a file inside an archive lies."""

    member: Member
    read: ReadRange
    """Reads the archive, or the stream it unpacks to."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a batch: a loose object, or a member of an archive."""

    name: str
    info: ObjectInfo
    """The loose object, or the archive."""
    packed: Packed | None = None
    """None for a loose object."""

    @property
    def size(self) -> int:
        """Bytes, unpacked."""
        return self.packed.member.size if self.packed else self.info.size


@dataclass(slots=True)
class Span:
    """Names read together: a few small loose objects, members of one archive side by side, or one unknown name."""

    names: list[str]
    files: list[File] = field(default_factory=list)
    """Those of the names; empty for an unknown name."""
    start: int = 0
    end: int = 0
    """The bytes to fetch, where they are members."""

    @property
    def weight(self) -> int:
        """Bytes held while the span is fetched and unpacked."""
        return self.end - self.start + sum(file.size for file in self.files)


def span_of(name: str, file: File | None) -> Span:
    """The span of one name."""
    if file is None:
        return Span([name])
    if file.packed is None:
        return Span([name], [file])
    member = file.packed.member
    return Span([name], [file], member.offset, member.offset + member.extent)


def spans_of(wanted: Iterable[tuple[str, File | None]]) -> Iterator[Span]:
    """Spans for names in their order: neighbours in an archive are put into one as long as it stays short."""
    current: Span | None = None
    for name, file in wanted:
        following = span_of(name, file)
        if current and _joined(current, following):
            current.names += following.names
            current.files += following.files
            current.end = following.end
        else:
            if current:
                yield current
            current = following
    if current:
        yield current


def _joined(span: Span, following: Span) -> bool:
    """Whether one worker may bring both: with one request, where they are members."""
    if not span.files or not following.files:
        return False
    last, first = span.files[-1].packed, following.files[0].packed
    if last is None and first is None:
        return len(span.files) < _TOGETHER and span.weight + following.weight <= MIB
    if last is None or first is None or last.read is not first.read:
        return False
    return span.end <= following.start <= span.end + _GAP and following.end - span.start <= _LONGEST
