"""The pixels of a DICOM radiograph: stored values that are never negative, and what turns them into gray."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.dataset import Dataset

from xray_model.data.dicom.codecs import BYTE, FrameShape, Samples, decode_frame, gray_of_colour
from xray_model.data.dicom.display import (
    BITS_STORED,
    DISPLAY_TAGS,
    LUT_TAGS,
    PHOTOMETRIC,
    SIGNED,
    Words,
    add_voi_lut,
    apply_modality_lut,
    read_display,
    read_lut,
    shift_hints,
)
from xray_model.data.dicom.parsing import (
    DEFLATED_LITTLE,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    UNDEFINED_LENGTH,
    DicomFile,
    PixelElement,
    integers_of,
    parse_dicom,
    text_of,
)
from xray_model.data.records import DisplayHints
from xray_model.errors import InvalidInput, UnreadableImage

_SAMPLES, _FRAMES = 0x00280002, 0x00280008
_PLANAR, _ROWS, _COLUMNS = 0x00280006, 0x00280010, 0x00280011
_ALLOCATED, _HIGH_BIT = 0x00280100, 0x00280102
_PALETTE = ((0x00281101, 0x00281201), (0x00281102, 0x00281202), (0x00281103, 0x00281203))
_TAGS = (
    _SAMPLES, _FRAMES, _PLANAR, _ROWS, _COLUMNS, _ALLOCATED, _HIGH_BIT, *(tag for pair in _PALETTE for tag in pair),
    *DISPLAY_TAGS, *LUT_TAGS,
)  # fmt: skip
_GRAY = frozenset({"MONOCHROME1", "MONOCHROME2"})
_ONE_SAMPLE = _GRAY | {"PALETTE COLOR"}
_THREE_SAMPLES = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
_NATIVE = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED_LITTLE, EXPLICIT_BIG})
_FRAGMENT, _END_OF_FRAGMENTS = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_MOST_FRAGMENTS = 65_536
_HEADER_ROOM = 16_000_000
_CUT_SHORT = "the image is damaged or cut short"
_CONTRADICTION = "the DICOM header contradicts itself on how the pixels are stored"


@dataclass(frozen=True, slots=True)
class DicomImage:
    """The pixels of one file."""

    values: Samples
    """uint16 [height, width]: stored values, to be mapped to gray by the hints; or uint8 [height, width]: gray levels
    to be taken as they are, as those of a colour picture."""
    hints: DisplayHints
    """For these values; what `monochrome1` says holds for gray levels too."""
    photometric: str
    """The photometric interpretation (`MONOCHROME1`, `RGB`, ...)."""
    bits_allocated: int
    """8 or 16."""


def read_dicom(data: bytes, *, most_pixels: int) -> DicomImage:
    """Decode the pixels of a DICOM file.

    Args:
        data: the whole file.
        most_pixels: refuse images with more, before anything is decoded.

    Raises:
        UnreadableImage: not DICOM, without pixels, several frames, damaged, too large, or stored in a way that is not
            read here. No message quotes the file.
    """
    try:
        file = parse_dicom(data, _TAGS, most=2 * most_pixels + _HEADER_ROOM)
    except InvalidInput as error:
        raise UnreadableImage(str(error)) from None
    if file.pixels is None:
        raise UnreadableImage("the DICOM file holds no image, or is cut short before it")
    shape = _read_shape(file.dataset, most_pixels)
    samples = _read_samples(file, file.pixels, shape)
    if shape.photometric in _GRAY:
        return _gray_image(samples, shape, file.dataset)
    gray = _apply_palette(samples, file.dataset) if shape.samples == 1 else _flat(samples, shape)
    return DicomImage(gray, DisplayHints(), shape.photometric, shape.bits_allocated)


def _read_shape(dataset: Dataset, most_pixels: int) -> FrameShape:
    rows, columns = _integer(dataset, _ROWS, 0), _integer(dataset, _COLUMNS, 0)
    samples, allocated = _integer(dataset, _SAMPLES, 1), _integer(dataset, _ALLOCATED, 0)
    photometric = text_of(dataset, PHOTOMETRIC).upper()
    if text_of(dataset, _FRAMES) not in ("", "0", "1"):
        raise UnreadableImage("the DICOM file holds several frames; only single images are read")
    if not rows or not columns:
        raise UnreadableImage("the DICOM header gives the image no size")
    if photometric not in (_ONE_SAMPLE if samples == 1 else _THREE_SAMPLES) or samples not in (1, 3):
        raise UnreadableImage("the DICOM file stores gray or colour in a way that is not read here")
    if rows * columns * samples > most_pixels:
        raise UnreadableImage(f"{columns} x {rows} pixels are more than the {most_pixels:,} allowed")
    if allocated not in (BYTE, 2 * BYTE) or (samples > 1 and allocated != BYTE):
        raise UnreadableImage(f"the DICOM file stores {allocated} bits per sample, which is not read here")
    return FrameShape(rows, columns, samples, allocated, photometric)


def _read_samples(file: DicomFile, pixels: PixelElement, shape: FrameShape) -> Samples:
    if file.transfer_syntax not in _NATIVE:
        return decode_frame(_join_fragments(file.body, pixels), file.transfer_syntax, shape)
    halved = shape.photometric == "YBR_FULL_422"
    count = shape.rows * shape.columns * (2 if halved else shape.samples)
    size = count * shape.bits_allocated // BYTE
    if pixels.length == UNDEFINED_LENGTH or pixels.length < size or len(file.body) < pixels.start + size:
        raise UnreadableImage(_CUT_SHORT)
    big = file.transfer_syntax == EXPLICIT_BIG
    if shape.bits_allocated > BYTE:
        words = np.frombuffer(file.body, ">u2" if big else "<u2", count, pixels.start)
        return words.astype(np.uint16, copy=False).reshape(shape.rows, shape.columns)
    flat = np.frombuffer(file.body, np.uint8, count, pixels.start)
    if big and pixels.words:
        # Bytes come in swapped pairs; an odd last one stands behind its padding.
        pairs = np.frombuffer(file.body[pixels.start : pixels.start + size + size % 2].ljust(size + size % 2), "<u2")
        flat = pairs.byteswap().view(np.uint8)[:count]
    if shape.samples == 1:
        return flat.reshape(shape.rows, shape.columns)
    if halved:
        # Two pixels at a time: Y, Y, Cb, Cr.
        return flat.reshape(-1, 4)[:, :2].reshape(shape.rows, shape.columns)
    if _integer(file.dataset, _PLANAR, 0):
        return np.moveaxis(flat.reshape(shape.samples, shape.rows, shape.columns), 0, -1)
    return flat.reshape(shape.rows, shape.columns, shape.samples)


def _join_fragments(body: bytes, pixels: PixelElement) -> bytes:
    """The one frame of encapsulated pixel data (DICOM PS3.5 annex A.4); its first item is a table of offsets."""
    if pixels.length != UNDEFINED_LENGTH:
        raise UnreadableImage(_CONTRADICTION)
    fragments: list[bytes] = []
    place = pixels.start
    while body[place : place + 4] == _FRAGMENT and len(fragments) < _MOST_FRAGMENTS:
        start = place + 8
        place = start + int.from_bytes(body[place + 4 : start], "little")
        fragments.append(body[start:place])
    if body[place : place + 4] != _END_OF_FRAGMENTS or len(fragments) < 2:  # noqa: PLR2004 (the table and the frame)
        raise UnreadableImage(_CUT_SHORT)
    return b"".join(fragments[1:])


def _gray_image(samples: Samples, shape: FrameShape, dataset: Dataset) -> DicomImage:
    stored = _integer(dataset, BITS_STORED, shape.bits_allocated)
    spare = _integer(dataset, _HIGH_BIT, stored - 1) + 1 - stored
    if not 1 <= stored <= shape.bits_allocated or not 0 <= spare <= shape.bits_allocated - stored:
        raise UnreadableImage(_CONTRADICTION)
    # What lies outside the stored bits may be an overlay.
    words = (samples.astype(np.uint16, copy=False) >> np.uint16(spare)) & np.uint16((1 << stored) - 1)
    offset = 1 << stored - 1 if _integer(dataset, SIGNED, 0) else 0
    # Turning the sign bit of a two's complement round is adding the offset.
    values: Words = words ^ np.uint16(offset)
    hints = shift_hints(replace(read_display(dataset, []), bits_stored=stored), offset)
    mapped, hints = apply_modality_lut(values, offset, hints, dataset)
    hints = add_voi_lut(hints, dataset)
    is_gray = stored == BYTE and mapped is values and hints.window is None and hints.voi_lut is None
    if is_gray and hints.rescale == (1.0, 0.0):
        return DicomImage(values.astype(np.uint8), hints, shape.photometric, shape.bits_allocated)
    return DicomImage(mapped, hints, shape.photometric, shape.bits_allocated)


def _flat(samples: Samples, shape: FrameShape) -> npt.NDArray[np.uint8]:
    pixels = samples.astype(np.uint8, copy=False)
    return pixels if pixels.ndim == 2 else gray_of_colour(pixels, shape.photometric)  # noqa: PLR2004 (already gray)


def _apply_palette(samples: Samples, dataset: Dataset) -> npt.NDArray[np.uint8]:
    """Gray levels of palette indices (DICOM PS3.3 C.7.6.3.1.5)."""
    channels = []
    for descriptor, data in _PALETTE:
        lut = read_lut(dataset, descriptor, data)
        if lut is None:
            raise UnreadableImage("the palette of the DICOM file is missing or damaged")
        first, entries = lut
        levels = (entries >> BYTE) if entries.max() >= 1 << BYTE else entries
        channels.append(levels.astype(np.uint8)[np.clip(samples.astype(np.int32) - first, 0, len(levels) - 1)])
    return np.asarray(Image.fromarray(np.dstack(channels)).convert("L"))


def _integer(dataset: Dataset, tag: int, default: int) -> int:
    values = integers_of(dataset, tag)
    return values[0] if values else default
