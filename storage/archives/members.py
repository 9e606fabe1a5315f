"""The files inside an archive, found without unpacking any: where each lies, and why some are refused.

A member is an extent of bytes (in the archive, or in the unpacked stream of a `.tgz`) and how to unpack it, so that
many can be fetched in parallel, and in one request where they lie side by side.
"""

from dataclasses import dataclass

from storage.archives.names import clean_name, printable

MIB = 2**20


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How large an archive may become, against archives made to fill a disk or the memory."""

    member_bytes: int = 256 * MIB
    """Of one file, unpacked; also the most that is read of one loose object."""
    archive_bytes: int = 64 * 1024 * MIB
    """Of all files of one archive, unpacked."""
    ratio: int = 200
    """Unpacked to packed bytes; X-rays reach 10, csv files 20, and the deflate method cannot pass 1,032."""
    ratio_from: int = 16 * MIB
    """Unpacked bytes below which no ratio is looked at."""
    members: int = 250_000
    """Entries of one archive, refused ones and folders counted."""


@dataclass(frozen=True, slots=True)
class Packing:
    """How a member of a zip is stored."""

    method: int
    size: int
    """Bytes, packed."""
    crc: int


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside an archive."""

    name: str
    offset: int
    """Of the first byte to read."""
    extent: int
    """Bytes to read; in a zip with the header before the content."""
    size: int
    """Bytes, unpacked."""
    packing: Packing | None = None
    """None where the extent is the content."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive holds."""

    members: tuple[Member, ...]
    """In the order they lie there."""
    refused: tuple[tuple[str, str], ...]
    """Names as they can be shown, with reasons."""
    damage: str | None
    """Why the archive could not be looked through to its end."""


class Collector:
    """The contents of an archive while it is looked through."""

    def __init__(self, limits: ArchiveLimits) -> None:
        self.damage: str | None = None
        self._members: dict[str, Member] = {}
        self._refused: list[tuple[str, str]] = []
        self._limits = limits
        self._bytes = 0
        self._entries = 0

    @property
    def contents(self) -> Contents:
        """What was found so far."""
        return Contents(tuple(self._members.values()), tuple(self._refused), self.damage)

    def room(self) -> bool:
        """Count one more entry; False, and damage noted, when there are too many."""
        self._entries += 1
        if self._entries > self._limits.members:
            self.damage = f"the archive holds more than {self._limits.members:,} entries"
        return self.damage is None

    def refuse(self, name: str, reason: str) -> None:
        """Note a member that is not taken."""
        self._refused.append((printable(name), reason))

    def add(self, raw_name: str, offset: int, extent: int, size: int, packing: Packing | None = None) -> None:
        """Take a member, or refuse it for its name or its size."""
        name, problem = clean_name(raw_name)
        if not problem and name in self._members:
            problem = "its name stands in the archive a second time"
        problem = problem or self._problem_of_size(size, packing.size if packing else size)
        if problem:
            self.refuse(raw_name, problem)
        else:
            self._bytes += size
            self._members[name] = Member(name, offset, extent, size, packing)

    def _problem_of_size(self, size: int, packed: int) -> str | None:
        limits = self._limits
        if size > limits.member_bytes:
            return f"it is larger than {limits.member_bytes // MIB} MiB unpacked"
        if size > limits.ratio_from and size > limits.ratio * packed:
            return f"it unpacks to more than {limits.ratio} times its packed size, as an archive made to do harm does"
        if self._bytes + size > limits.archive_bytes:
            return f"with it the archive unpacks to more than {limits.archive_bytes // MIB} MiB"
        return None
