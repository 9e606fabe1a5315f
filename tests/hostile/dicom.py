"""DICOM files that are cut, lie about their size, nest without end, or unpack to far more than they hold."""

import io
import math
import struct
from collections.abc import Callable

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    JPEG2000,
    MPEG2MPML,
    UID,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    RLELossless,
    generate_uid,
)

from tests.hostile import encoding as en
from tests.hostile.cases import Case, Files, Pixels, quarantined
from xray_model.data.images import MAXIMUM_PIXELS

BATCH = "clinic/dicom"
_LARGEST = math.isqrt(MAXIMUM_PIXELS)
_PIXEL_DATA = struct.pack("<HH", 0x7FE0, 0x0010)


def _dataset(picture: Pixels, depth: int = 16) -> Dataset:
    """A sound header and, as they are stored without compression, the pixels."""
    dataset = Dataset()
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["hostile"])
    dataset.Modality, dataset.PatientID, dataset.PhotometricInterpretation = "DX", "P1", "MONOCHROME2"
    dataset.Rows, dataset.Columns = picture.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated = dataset.BitsStored = depth
    dataset.HighBit = depth - 1
    dataset.add_new(0x7FE00010, "OW", picture.astype("<u2").tobytes())
    return dataset


def _written(dataset: Dataset, syntax: str) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _dicom(picture: Pixels, **tags: object) -> bytes:
    """A DICOM file with other tags than it should have."""
    dataset = _dataset(picture)
    for name, value in tags.items():
        setattr(dataset, name, value)
    return _written(dataset, ExplicitVRLittleEndian)


def _compressed(picture: Pixels, syntax: str, frame: bytes, side: int = 0) -> bytes:
    """A DICOM file with a compressed frame, said to be of another size."""
    dataset = _dataset(picture, 8 if syntax in (JPEGBaseline8Bit, JPEG2000) else 16)
    dataset.Rows, dataset.Columns = (side, side) if side else picture.shape
    dataset.add_new(0x7FE00010, "OB", encapsulate([frame]))
    return _written(dataset, syntax)


def _deflated_bomb(picture: Pixels) -> bytes:
    """150 MB of zeros in a private tag before the pixels, deflated."""
    dataset = _dataset(picture)
    dataset.add_new(0x00090010, "OB", bytes(150 * 2**20))
    return _written(dataset, DeflatedExplicitVRLittleEndian)


def _before_the_pixels(data: bytes, added: bytes) -> bytes:
    place = data.rindex(_PIXEL_DATA)
    return data[:place] + added + data[place:]


def _nested(picture: Pixels) -> bytes:
    """Sequences in sequences, 20,000 deep and never closed."""
    level = struct.pack("<HH2sHLHHL", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF)
    return _before_the_pixels(_dicom(picture), level * 20_000)


def _long_element(picture: Pixels) -> bytes:
    return _before_the_pixels(_dicom(picture), struct.pack("<HH2sHL", 0x0051, 0x0010, b"OB", 0, 0xFFFFFFF0))


def _jpeg2000_of_60000(picture: Pixels) -> bytes:
    frame = en.saved(picture, "JPEG2000")
    height, width = picture.shape
    frame = frame.replace(struct.pack(">LL", width, height), struct.pack(">LL", 60_000, 60_000))
    return _compressed(picture, JPEG2000, frame, 60_000)


def _scans(picture: Pixels) -> bytes:
    frame = en.many_scans(picture, 2_000, (_LARGEST, _LARGEST))
    return _compressed(picture, JPEGBaseline8Bit, frame, _LARGEST)


def _repeating_rle(picture: Pixels) -> bytes:
    """Two segments that each repeat a zero for every pixel of a largest image."""
    segment = b"\x81\0" * (_LARGEST * _LARGEST // 128 + 1)
    frame = struct.pack("<16L", 2, 64, 64 + len(segment), *[0] * 13) + segment * 2
    return _compressed(picture, RLELossless, frame, _LARGEST)


_FILES: dict[str, tuple[str, Callable[[Pixels], bytes]]] = {
    "text": ("not a PNG, JPEG or DICOM", lambda _: b"This image could not be exported.\n" * 50),
    "empty": ("empty", lambda _: b""),
    "preamble-alone": ("holds no image", lambda _: bytes(128) + b"DICM"),
    "cut-in-its-header": ("holds no image", lambda p: _dicom(p)[:300]),
    "cut-in-its-pixels": ("damaged or cut short", lambda p: _dicom(p)[:-9_000]),
    "without-pixels": ("holds no image", lambda p: _dicom(p).partition(_PIXEL_DATA)[0]),
    "65535-by-65535": ("40,000,000 allowed", lambda p: _dicom(p, Rows=65_535, Columns=65_535)),
    "0-by-0": ("gives the image no size", lambda p: _dicom(p, Rows=0, Columns=0)),
    "10000-frames": ("several frames", lambda p: _dicom(p, NumberOfFrames=10_000)),
    "32-bit": ("32 bits per sample", lambda p: _dicom(p, BitsAllocated=32, BitsStored=32, HighBit=31)),
    "200-samples": ("in a way that is not read here", lambda p: _dicom(p, SamplesPerPixel=200)),
    "palette-without-one": ("palette", lambda p: _dicom(p, PhotometricInterpretation="PALETTE COLOR")),
    "film": ("compressed in a way that is not read here", lambda p: _compressed(p, MPEG2MPML, bytes(1_000))),
    "lossless-of-noise": ("damaged or cut short", lambda p: _compressed(p, JPEGLosslessSV1, bytes(range(256)) * 8)),
    "jpeg-of-65500": (
        "40,000,000 allowed",
        lambda p: _compressed(p, JPEGBaseline8Bit, en.resized_jpeg(en.jpeg(p), 65_500, 65_500), 65_500),
    ),
    "jpeg-of-2000-scans": ("damaged or cut short", _scans),
    "jpeg-2000-of-60000": ("40,000,000 allowed", _jpeg2000_of_60000),
    "repeating-rle": ("blank", _repeating_rle),
    "deflated-bomb": ("holds no image", _deflated_bomb),
    "nested-sequences": ("header is damaged", _nested),
    "element-of-4-gb": ("holds no image", _long_element),
}
"""Words of its reason, and its bytes."""


def _case(name: str, words: str, build: Callable[[Pixels], bytes]) -> Case:
    stored = f"normal/{name}.dcm"

    def files(picture: Pixels) -> Files:
        return {stored: build(picture)}

    return Case(f"dicom: {name}", BATCH, files, {stored: quarantined(words)})


CASES = tuple(_case(name, *case) for name, case in _FILES.items())
