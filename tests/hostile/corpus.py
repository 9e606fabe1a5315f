"""The whole corpus, and laying it into a landing zone as a careless or hostile sender would."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from storage.objects.keys import key_from_disk
from tests.hostile import archives, dicom, encoding, images, names, sidecars, tables
from tests.hostile.cases import ACCEPTED, WHOLE, Case, End, Pixels
from xray_model.data.phantoms import CohortOptions, write_class_folders

_NEIGHBOURS = {images.BATCH: 90, archives.BATCH: 90, names.BATCH: 5, dicom.BATCH: 50}
"""Sound images per batch: with fewer, so many of it would be refused that a person is asked."""


def _neighbour(batch: str, number: int) -> Case:
    name = f"normal/neighbour-{number:03d}.png"
    return Case(
        f"neighbour {number} in {batch}", batch, lambda picture: {name: encoding.png(picture)}, {name: ACCEPTED}
    )


NEIGHBOURS = tuple(_neighbour(batch, number) for batch, most in _NEIGHBOURS.items() for number in range(most))
CASES = (*images.CASES, *dicom.CASES, *archives.CASES, *sidecars.CASES, *names.CASES, *tables.CASES)


def expected_ends() -> dict[str, dict[str, End]]:
    """By case: how each key of the store, or (by `<source>/<batch>`) each batch, must end."""
    return {
        case.name: {
            _as_key(case.batch) if name == WHOLE else f"incoming/{_as_key(case.batch)}/{name}": end
            for name, end in case.ends.items()
        }
        for case in (*CASES, *NEIGHBOURS)
    }


def _as_key(batch: str) -> str:
    return key_from_disk(os.fsencode(batch))


def lay_corpus(incoming: Path, drawings: Path) -> None:
    """Write every case's files below `incoming`; its pictures are drawn into the folder `drawings`."""
    pictures = _draw(drawings, len(CASES) + len(NEIGHBOURS))
    for case in (*CASES, *NEIGHBOURS):
        for name, data in case.build(next(pictures)).items():
            _write(incoming / case.batch / os.fsencode(name).decode("utf-8", "surrogateescape"), data)
    for batch in {case.batch for case in CASES}:
        _write(incoming / batch / "_READY", b"")


OUTWARD = "outward"
"""In the name of everything that `lay_links` lays."""


def lay_links(incoming: Path, outside: Path) -> None:
    """Add links out of the store, a pipe and a socket to a batch, and a source that is a link."""
    folder = incoming / names.BATCH / "normal"
    (folder / f"{OUTWARD}.png").symlink_to(outside / "secret.png")
    (folder / f"{OUTWARD}-dangling.png").symlink_to("/nowhere/at/all.png")
    (folder / f"{OUTWARD}-folder").symlink_to(outside)
    (folder / f"{OUTWARD}-loop").symlink_to(folder)
    (incoming / f"{OUTWARD}-source").symlink_to(outside)
    (incoming / "images" / f"{OUTWARD}-batch").symlink_to(outside)
    os.mkfifo(folder / f"{OUTWARD}-pipe.png")
    os.mknod(folder / f"{OUTWARD}-socket.png", stat.S_IFSOCK | 0o600)


def _draw(folder: Path, most: int) -> Iterator[Pixels]:
    """Drawn radiographs, each of another patient."""
    options = CohortOptions(
        patients=most,
        shares={"normal": 1},
        seed=12,
        smallest_side=190,
        largest_side=230,
        lateral_share=0.0,
        further_share=0.0,
    )
    write_class_folders(folder, options, three_classes=True)
    for path in sorted(folder.rglob("*.jpeg")):
        with Image.open(path) as image:
            yield np.asarray(image.convert("L"))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
