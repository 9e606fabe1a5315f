"""What a layout reader yields: images as their source describes them, nothing decoded yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

HEADER_BYTES = 65_536
"""How much of a DICOM file a reader asks for first: few have more before what a record tells."""

OWN_NUMBERING = "source"
"""Name space of patient ids that mean something inside one source only (`source:12`)."""


class OpenFile(Protocol):
    """A way to read one file of a batch by its name."""

    def __call__(self, name: str, /, *, first: int | None = None) -> bytes:
        """Its bytes; no more than the first `first` of them where that is given.

        Raises:
            ObjectNotFound: there is none of that name.
            InvalidInput: it must not be read (too large, damaged in its archive).
        """
        ...


@dataclass(frozen=True, slots=True)
class DisplayHints:
    """How stored pixel values become gray levels, where a sidecar or DICOM header says so."""

    monochrome1: bool = False
    """True where high values are dark (DICOM 0028,0004)."""
    window: tuple[float, float] | None = None
    """(centre, width) in stored values after rescaling (0028,1050 and 1051); the first where several are given."""
    rescale: tuple[float, float] = (1.0, 0.0)
    """(slope, intercept) (0028,1053 and 1052)."""
    voi_lut: tuple[int, tuple[int, ...]] | None = None
    """(first value mapped, table) of the VOI LUT sequence (0028,3010); the value is one after rescaling."""
    bits_stored: int | None = None
    window_function: str = "LINEAR"
    """How the window is applied (0028,1056): `LINEAR`, `LINEAR_EXACT` or `SIGMOID`."""


@dataclass(frozen=True, slots=True)
class Record:
    """One image of a batch, as its source describes it.

    `patient` is the source's own id behind a name space (`bimcv:S03044`), so that one number in two
    sets is not taken for one person; it becomes a pseudonym before anything is written. None means
    that the source tells no patients apart. A reader that cannot tell which set it reads puts
    `OWN_NUMBERING` in front; whoever makes the pseudonym replaces that by the name of the source.
    """

    name: str
    patient: str | None = None
    session: str | None = None
    label: str | None = None
    """A finding of `labels.FINDINGS`, or None where none applies."""
    finding: str | None = None
    """The source's own words for the finding, shortened to 200 characters."""
    view: str | None = None
    """`PA`, `AP`, `L` (lateral), or None when unknown."""
    sex: str | None = None
    """`F`, `M` or None."""
    age: float | None = None
    """Years."""
    manufacturer: str | None = None
    display: DisplayHints = field(default_factory=DisplayHints)
    problems: tuple[str, ...] = ()
    """What the reader found wrong with this image's metadata, as short sentences without identities."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A batch as its layout reader understood it."""

    layout: str
    records: tuple[Record, ...]
    passed_over: Mapping[str, int] = field(default_factory=dict)
    """Files that are no image to look at, counted by what they are (`CT volume`, `lung mask`, `system file`)."""
    metadata_files: int = 0
    """Tables and sidecars that were opened: records + passed over + these are all names of the batch."""
    notes: Mapping[str, int] = field(default_factory=dict)
    """What the tables hold beyond the images at hand, counted (`table row without an image`)."""


class Layout(Protocol):
    """A way in which a data set lies on disk. A reader is given names and a way to open one, never the store."""

    @property
    def name(self) -> str:
        """What `--layout` calls it."""
        ...

    def recognises(self, names: Sequence[str]) -> bool:
        """Whether these names look like this layout."""
        ...

    def needs(self, names: Sequence[str]) -> list[str]:
        """Every table and sidecar that `read` opens for these names, in the order in which it opens them.

        All are small and none is an image, so that a caller on object storage can fetch them many at a time
        before `read`, which opens them one after another.
        """
        ...

    def headers(self, names: Sequence[str]) -> list[str]:
        """Every DICOM file whose first `HEADER_BYTES` `read` may ask for, in the order in which it does.

        They are images, and large, so that a caller fetches these starts many at a time and the rest not at all. The
        whole of one is asked for in the rare case that its header is longer.
        """
        ...

    def read(self, names: Sequence[str], open_file: OpenFile) -> Reading:
        """Describe every image among `names`, in the order of the sorted names; decode none.

        A sidecar for which `open_file` raises ObjectNotFound or InvalidInput (too large to fetch) becomes a
        problem of its image; what `open_file` raises for a table is not caught.

        Raises:
            InvalidInput: the batch's own tables contradict the layout, so that no row can be trusted.
        """
        ...
