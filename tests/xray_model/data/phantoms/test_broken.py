"""Broken files: each is planted as it is said to be, and our decoding and checks can tell."""

import io
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xray_model.data.images import CanonicalImage, decode_image
from xray_model.data.layouts.bimcv import Bimcv
from xray_model.data.layouts.files import patient_in_name
from xray_model.data.phantoms import BrokenKind, Written, write_broken_files
from xray_model.data.records import DisplayHints, Record
from xray_model.errors import InvalidInput, UnreadableImage

Batch = tuple[Path, Written]

UNREADABLE = (BrokenKind.TRUNCATED, BrokenKind.TEXT, BrokenKind.EMPTY)
OF_SIDECARS = (BrokenKind.BAD_SIDECAR, BrokenKind.NO_SIDECAR)


@pytest.fixture
def broken_bimcv(tmp_path: Path, bimcv: Batch) -> tuple[Path, dict[str, BrokenKind]]:
    """A copy of the BIMCV batch with one file of each kind broken."""
    folder = tmp_path / "batch"
    shutil.copytree(bimcv[0], folder)
    return folder, write_broken_files(folder, seed=1)


def records_of(folder: Path) -> dict[str, Record]:
    """The batch as it is read."""
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    return {
        r.name: r for r in Bimcv().read(names, lambda name, first=None: (folder / name).read_bytes()[:first]).records
    }


def decoded(folder: Path, record: Record) -> CanonicalImage:
    """One image as it is decoded."""
    return decode_image((folder / record.name).read_bytes(), record.display, 128)


def test_one_of_each_kind_is_planted_among_good_files(
    bimcv: Batch, broken_bimcv: tuple[Path, dict[str, BrokenKind]]
) -> None:
    """All kinds are there once, on images of the answer sheet, and every other image is untouched."""
    folder, planted = broken_bimcv
    assert Counter(planted.values()) == Counter(BrokenKind)
    assert set(planted) < set(bimcv[1].answers)
    changed = {
        name
        for name in bimcv[1].answers
        if (folder / name).read_bytes() != (bimcv[0] / name).read_bytes()
        or not (folder / name).with_suffix(".json").exists()
        or (folder / name).with_suffix(".json").read_bytes() != (bimcv[0] / name).with_suffix(".json").read_bytes()
    }
    assert changed == set(planted)


def test_each_kind_is_what_it_says(bimcv: Batch, broken_bimcv: tuple[Path, dict[str, BrokenKind]]) -> None:
    """Unreadable files cannot be decoded, the others decode to what their kind promises."""
    folder, planted = broken_bimcv
    records = records_of(folder)
    by_kind = {kind: records[name] for name, kind in planted.items()}
    for kind in UNREADABLE:
        with pytest.raises(UnreadableImage):
            decoded(folder, by_kind[kind])
    facts = {kind: decoded(folder, record).facts for kind, record in by_kind.items() if kind not in UNREADABLE}
    assert (facts[BrokenKind.TINY].width, facts[BrokenKind.TINY].height) == (1, 1)
    assert facts[BrokenKind.BLACK].quality.max == 0
    assert facts[BrokenKind.GRAY].quality.std == 0
    assert facts[BrokenKind.GRAY].quality.mean > 100
    assert facts[BrokenKind.INVERTED].quality.inversion > 1.7
    assert facts[BrokenKind.DARK].quality.mean < 25
    assert facts[BrokenKind.DARK].quality.max > 5
    assert by_kind[BrokenKind.BAD_SIDECAR].problems == ("the sidecar is no valid JSON",)
    assert by_kind[BrokenKind.NO_SIDECAR].problems == ("the image has no sidecar",)


def test_a_duplicate_repeats_another_patients_image(broken_bimcv: tuple[Path, dict[str, BrokenKind]]) -> None:
    """The bytes of the planted duplicate stand once more, under another patient."""
    folder, planted = broken_bimcv
    name = next(name for name, kind in planted.items() if kind is BrokenKind.DUPLICATE)
    twins = [p for p in folder.rglob("*.png") if p.read_bytes() == (folder / name).read_bytes()]
    assert len(twins) == 2
    assert len({patient_in_name(path.name) for path in twins}) == 2


def test_broken_files_keep_their_labels(bimcv: Batch, broken_bimcv: tuple[Path, dict[str, BrokenKind]]) -> None:
    """Nothing in the tables gives a broken file away."""
    folder, planted = broken_bimcv
    records = records_of(folder)
    assert all(records[name].label == bimcv[1].answers[name].label for name in planted)


def test_jpegs_are_broken_in_every_way_but_the_sidecars(tmp_path: Path, kaggle: Batch) -> None:
    """Without sidecars their kinds are left out, and an inverted or dark JPEG is so in its pixels."""
    folder = tmp_path / "batch"
    shutil.copytree(kaggle[0], folder)
    planted = write_broken_files(folder)
    assert set(planted.values()) == set(BrokenKind) - set(OF_SIDECARS)
    by_kind = {kind: (folder / name).read_bytes() for name, kind in planted.items()}
    for kind in UNREADABLE:
        with pytest.raises(UnreadableImage):
            decode_image(by_kind[kind], DisplayHints(), 128)
    assert decode_image(by_kind[BrokenKind.INVERTED], DisplayHints(), 128).facts.quality.inversion > 1.7
    assert decode_image(by_kind[BrokenKind.DARK], DisplayHints(), 128).facts.quality.mean < 25
    with Image.open(io.BytesIO(by_kind[BrokenKind.BLACK])) as image:
        assert np.asarray(image).max() == 0


def test_many_of_chosen_kinds_make_a_batch_that_must_be_held(tmp_path: Path, bimcv: Batch) -> None:
    """A third of the images can be inverted and blackened at once, and the seed says which."""
    kinds = [BrokenKind.INVERTED, BrokenKind.BLACK]
    planted = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        shutil.copytree(bimcv[0], folder)
        planted.append(write_broken_files(folder, kinds=kinds, each=4, seed=3))
    assert planted[0] == planted[1]
    assert Counter(planted[0].values()) == {BrokenKind.INVERTED: 4, BrokenKind.BLACK: 4}
    tags = [json.loads((tmp_path / "a" / n).with_suffix(".json").read_text(encoding="utf-8")) for n in planted[0]]
    assert all(tag["00280004"]["Value"][0].startswith("MONOCHROME") for tag in tags)


def test_too_small_a_batch_is_refused(tmp_path: Path, kaggle: Batch) -> None:
    """More broken files than images, or sidecar kinds without sidecars, are refused with a reason."""
    folder = tmp_path / "batch"
    shutil.copytree(kaggle[0], folder)
    with pytest.raises(InvalidInput, match="too few"):
        write_broken_files(folder, each=1000)
    with pytest.raises(InvalidInput, match="no sidecars"):
        write_broken_files(folder, kinds=[BrokenKind.NO_SIDECAR])
