"""Drawn batches of every form in a landing zone: a tree, archives of a tree, class folders, and a zip of them."""

from pathlib import Path

from apps.push import push_batch
from xray_model.data.phantoms import (
    BrokenKind,
    CohortOptions,
    pack_bimcv,
    write_bimcv,
    write_broken_files,
    write_class_folders,
)

_SMALL = {"smallest_side": 200, "largest_side": 260, "lateral_share": 0.05}
_PLANTED = [BrokenKind.TRUNCATED, BrokenKind.DUPLICATE, BrokenKind.NO_SIDECAR]


def draw_batches(folder: Path, patients: int) -> int:
    """Draw four batches of `patients` patients each as `folder/<source>/first`, and return the number of images."""
    shares = {"covid": 1.0, "normal": 1.0}
    tree = folder / "tree" / "first"
    images = len(write_bimcv(tree, _cohort(patients, 1, shares), workers=2).answers)
    write_broken_files(tree, seed=1, kinds=_PLANTED)
    packed = folder / "packed" / "first"
    images += len(write_bimcv(packed, _cohort(patients, 2, shares), workers=2).answers)
    pack_bimcv(packed)
    children = _cohort(patients, 3, {"pneumonia": 1.0, "normal": 1.0}, children=True)
    images += len(write_class_folders(folder / "folders" / "first", children, workers=2).answers)
    zipped = _cohort(patients, 4, {"covid": 1.0, "normal": 1.0, "pneumonia": 1.0})
    written = write_class_folders(folder / "zipped" / "first", zipped, three_classes=True, archive=True, workers=2)
    return images + len(written.answers)


def push_batches(folder: Path) -> None:
    """Send what `draw_batches` drew to the store that the environment names."""
    for source in sorted(folder.iterdir()):
        push_batch(source / "first", source.name, "first")


def _cohort(patients: int, seed: int, shares: dict[str, float], *, children: bool = False) -> CohortOptions:
    return CohortOptions(
        patients=patients, shares=shares, seed=seed, first_patient=1000 * seed, children=children, **_SMALL
    )
