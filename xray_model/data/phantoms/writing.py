"""Drawing many pictures into files, on one core or several, and the answer sheet that goes with them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from xray_model.data.phantoms.cohort import Exam
from xray_model.data.phantoms.encoding import Storage, encode_jpeg, encode_png, store_picture

OnImage = Callable[[int, int], None]
"""Told of every written image: (done, total)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reader should find out about one image."""

    label: str
    patient: str | None
    """As a record names the patient (`bimcv:S00012`), None where the layout does not tell patients apart."""
    view: str
    """`PA`, `AP` or `L`; some layouts do not tell."""
    sex: str
    age: float
    """Years."""
    monochrome1: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What a writer wrote."""

    answers: Mapping[str, Answer]
    """By name relative to the folder; in an archive, by name inside it."""
    archives: tuple[Path, ...] = ()
    """The archives that took the place of the files, where that was asked for."""

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.answers)

    @property
    def counts(self) -> dict[str, int]:
        """Images by label."""
        return dict(Counter(answer.label for answer in self.answers.values()))

    @property
    def patients(self) -> int:
        """Number of patients that can be told apart."""
        return len({answer.patient for answer in self.answers.values()} - {None})


@dataclass(frozen=True, slots=True)
class PictureFile:
    """One picture and the file it goes into."""

    exam: Exam
    path: Path
    storage: Storage | None = None
    """For a 16-bit PNG."""
    quality: int = 90
    colour: bool = False
    """For a JPEG."""


def write_pictures(files: Sequence[PictureFile], workers: int, on_image: OnImage | None) -> None:
    """Draw and write every picture; their folders must exist.

    Args:
        files: the pictures.
        workers: processes that draw at the same time. The bytes do not depend on it. More than one start Python
            afresh, so a script that asks for them needs its `if __name__ == "__main__"`.
        on_image: progress.
    """
    if workers > 1:
        # Not forked: a library that the caller has loaded may hold threads and locks.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            _count(pool.map(_write_picture, files, chunksize=8), len(files), on_image)
    else:
        _count(map(_write_picture, files), len(files), on_image)


def make_folders(paths: Iterable[Path]) -> None:
    """Make the folders of all these files."""
    for folder in dict.fromkeys(path.parent for path in paths):
        folder.mkdir(parents=True, exist_ok=True)


def _write_picture(file: PictureFile) -> None:
    picture = file.exam.draw()
    if file.storage is not None:
        file.path.write_bytes(encode_png(store_picture(picture, file.storage)))
    else:
        file.path.write_bytes(encode_jpeg(picture, file.quality, colour=file.colour))


def _count(written: Iterator[None], total: int, on_image: OnImage | None) -> None:
    for done, _ in enumerate(written, start=1):
        if on_image is not None:
            on_image(done, total)
