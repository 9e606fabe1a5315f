"""Breaking files of a written batch in the ways in which real batches are broken."""

import io
import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from xray_model.data.layouts.files import patient_in_name
from xray_model.data.phantoms.encoding import encode_png
from xray_model.errors import InvalidInput

_SUFFIXES = (".png", ".jpeg")
_PHOTOMETRIC, _CENTRE, _WIDTH = "00280004", "00281050", "00281051"


class BrokenKind(StrEnum):
    """What is wrong with a file."""

    TRUNCATED = "truncated"
    TEXT = "text"
    EMPTY = "empty"
    TINY = "tiny"
    BLACK = "black"
    GRAY = "gray"
    INVERTED = "inverted"
    DARK = "dark"
    DUPLICATE = "duplicate"
    """The bytes of another patient's image."""
    BAD_SIDECAR = "bad sidecar"
    NO_SIDECAR = "no sidecar"


_OF_SIDECARS = (BrokenKind.BAD_SIDECAR, BrokenKind.NO_SIDECAR)


def write_broken_files(
    folder: Path, *, seed: int = 0, kinds: Sequence[BrokenKind] | None = None, each: int = 1
) -> dict[str, BrokenKind]:
    """Break images in place, so that each still has its row in the tables and its label.

    Args:
        folder: a batch written by `write_bimcv` or `write_class_folders`, not packed. Its lateral views stay whole.
        seed: which images are broken.
        kinds: what is done; all kinds that the layout allows where none is given.
        each: images per kind.

    Returns:
        What was planted: image name, relative to the folder, to kind. Sidecar faults stand under their image.

    Raises:
        InvalidInput: fewer good images than are to be broken, or none with a sidecar where sidecars are.
    """
    images = sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES and "_vp-ll_" not in path.name)
    sidecars = any(path.with_suffix(".json").exists() for path in images)
    wanted = list(kinds) if kinds is not None else [k for k in BrokenKind if sidecars or k not in _OF_SIDECARS]
    if not sidecars and set(wanted) & set(_OF_SIDECARS):
        raise InvalidInput("these images have no sidecars to break: leave the kinds about sidecars out")
    if len(images) <= len(wanted) * each:
        raise InvalidInput(
            f"{len(images)} images are too few to break {len(wanted) * each} of them: write a larger cohort"
        )
    order = [images[place] for place in np.random.default_rng([seed, 5]).permutation(len(images))]
    planted: dict[str, BrokenKind] = {}
    whole = order[len(wanted) * each :]
    for place, kind in enumerate(kind for kind in wanted for _ in range(each)):
        _break(order[place], kind, whole)
        planted[order[place].relative_to(folder).as_posix()] = kind
    return planted


def _break(path: Path, kind: BrokenKind, whole: list[Path]) -> None:
    match kind:
        case BrokenKind.TRUNCATED:
            data = path.read_bytes()
            path.write_bytes(data[: len(data) * 2 // 5])
        case BrokenKind.TEXT:
            path.write_text("This image could not be exported. Please contact the archive.\n" * 20, encoding="utf-8")
        case BrokenKind.EMPTY:
            path.write_bytes(b"")
        case BrokenKind.BLACK | BrokenKind.GRAY | BrokenKind.TINY | BrokenKind.DARK:
            _change_pixels(path, kind)
        case BrokenKind.INVERTED:
            _invert(path)
        case BrokenKind.DUPLICATE:
            _copy_another(path, whole)
        case BrokenKind.BAD_SIDECAR:
            sidecar = path.with_suffix(".json")
            sidecar.write_bytes(sidecar.read_bytes()[:-40])
        case BrokenKind.NO_SIDECAR:
            path.with_suffix(".json").unlink()


def _change_pixels(path: Path, kind: BrokenKind) -> None:
    """Replace the picture by a blank or tiny one, or darken it beyond reading; its sidecar shows what is stored."""
    with Image.open(path) as image:
        values = np.asarray(image if image.mode.startswith("I") else image.convert("L"))
    top, dark_is_high = _show_all(path)
    if kind is BrokenKind.DARK:
        changed = (top - values if dark_is_high else values) // 10
    elif kind is BrokenKind.TINY:
        changed = values[:1, :1]
    else:
        changed = np.full_like(values, 0 if kind is BrokenKind.BLACK else top // 2)
    _save(path, changed.astype(values.dtype))


def _show_all(path: Path) -> tuple[int, bool]:
    """Have the sidecar show the whole range of stored values, low ones dark.

    Returns:
        The highest stored value, and whether high values were dark before.
    """
    sidecar = path.with_suffix(".json")
    if not sidecar.exists():
        return 255, False
    tags = json.loads(sidecar.read_text(encoding="utf-8"))
    top = (1 << int(tags["00280101"]["Value"][0])) - 1
    dark_is_high = tags[_PHOTOMETRIC]["Value"] == ["MONOCHROME1"]
    tags[_PHOTOMETRIC]["Value"] = ["MONOCHROME2"]
    tags[_CENTRE], tags[_WIDTH] = {"vr": "DS", "Value": [top / 2]}, {"vr": "DS", "Value": [top]}
    sidecar.write_text(json.dumps(tags, ensure_ascii=False), encoding="utf-8")
    return top, dark_is_high


def _invert(path: Path) -> None:
    """Tag the picture wrongly where a sidecar says how it is stored, else turn its gray levels round."""
    sidecar = path.with_suffix(".json")
    if sidecar.exists():
        tags = json.loads(sidecar.read_text(encoding="utf-8"))
        dark_is_high = tags[_PHOTOMETRIC]["Value"] == ["MONOCHROME1"]
        tags[_PHOTOMETRIC]["Value"] = ["MONOCHROME2" if dark_is_high else "MONOCHROME1"]
        sidecar.write_text(json.dumps(tags, ensure_ascii=False), encoding="utf-8")
        return
    with Image.open(path) as image:
        _save(path, 255 - np.asarray(image.convert("L")))


def _save(path: Path, values: npt.NDArray[np.uint16] | npt.NDArray[np.uint8]) -> None:
    if path.suffix == ".png":
        path.write_bytes(encode_png(values.astype(np.uint16)))
        return
    buffer = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(buffer, "JPEG", quality=90)
    path.write_bytes(buffer.getvalue())


def _copy_another(path: Path, whole: list[Path]) -> None:
    patient = patient_in_name(path.name)
    other = next((one for one in whole if patient is None or patient_in_name(one.name) != patient), None)
    if other is None:
        raise InvalidInput(
            "all images are of one patient: write a larger cohort to have another patient's image copied"
        )
    path.write_bytes(other.read_bytes())
    if path.with_suffix(".json").exists() and other.with_suffix(".json").exists():
        path.with_suffix(".json").write_bytes(other.with_suffix(".json").read_bytes())
