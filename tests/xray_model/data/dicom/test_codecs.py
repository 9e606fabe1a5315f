"""Compressed DICOM files: the same values come out, and damage ends as a reason."""

import io
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from xray_model.data.dicom import isolated
from xray_model.data.dicom.pixels import read_dicom
from xray_model.data.phantoms.dicom import encode_dicom
from xray_model.errors import UnreadableImage

MakeValues = Callable[..., npt.NDArray[np.uint16]]
PutFrame = Callable[..., bytes]
Compress = Callable[[bytes, str], bytes]

MOST = 1_000_000
BASELINE, EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
LOSSLESS, JPEG2000, JPEG2000_LOSSLESS = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.90"
RLE = "1.2.840.10008.1.2.5"


def encoded(pixels: npt.NDArray[Any], kind: str, mode: str | None = None, **options: Any) -> bytes:
    """The bytes of a picture in a format of Pillow's."""
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "name",
    ["JPEGLosslessProcess14", "JPEGLosslessProcess14_1", "JPEGLSLossless", "JPEG2000Lossless", "RLELossless"],
)
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_lossless_codecs_give_the_values_back(
    make_values: MakeValues, compress: Compress, name: str, bits: int, signed: bool
) -> None:
    """What GDCM compressed without loss is read as it was, signed or not."""
    values = make_values(bits)
    plain = encode_dicom(values, bits, signed=signed, tags={"WindowCenter": 9, "WindowWidth": 9})
    image = read_dicom(compress(plain, name), most_pixels=MOST)
    assert (image.values == values).all()
    assert image.hints == read_dicom(plain, most_pixels=MOST).hints


def test_nearly_lossless_jpeg_ls(make_values: MakeValues, compress: Compress) -> None:
    """JPEG-LS that may differ by a little is read."""
    values = make_values(12)
    image = read_dicom(compress(encode_dicom(values, 12), "JPEGLSNearLossless"), most_pixels=MOST)
    assert np.abs(image.values.astype(int) - values).max() <= 8


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("fragments", [1, 4])
def test_jpeg_2000_by_pillow(make_values: MakeValues, put_frame: PutFrame, bits: int, fragments: int) -> None:
    """A codestream of another writer, in one fragment or several, gives the values back."""
    values = make_values(bits)
    frame = encoded(values if bits > 8 else values.astype(np.uint8), "JPEG2000", no_jp2=True)
    stored = np.asarray(Image.open(io.BytesIO(frame)))
    data = put_frame(encode_dicom(values, bits, tags={"RescaleSlope": 2}), frame, JPEG2000_LOSSLESS, fragments)
    assert (stored == values).all()
    assert (read_dicom(data, most_pixels=MOST).values == values).all()


@pytest.mark.parametrize("syntax", [BASELINE, EXTENDED])
def test_jpeg_with_loss(make_values: MakeValues, put_frame: PutFrame, syntax: str) -> None:
    """An 8-bit JPEG is read, whether its syntax is baseline or extended."""
    values = make_values(8)
    frame = encoded(values.astype(np.uint8), "JPEG", quality=98)
    image = read_dicom(put_frame(encode_dicom(values, 8), frame, syntax), most_pixels=MOST)
    assert np.abs(image.values.astype(int) - values).max() <= 6


@pytest.mark.parametrize(("kind", "syntax"), [("JPEG", BASELINE), ("JPEG2000", JPEG2000)])
def test_compressed_colour_becomes_gray(put_frame: PutFrame, kind: str, syntax: str) -> None:
    """A colour picture is gray by its luminance."""
    colours = np.zeros((16, 24, 3), np.uint8) + np.array([200, 100, 50], np.uint8)
    photometric = "YBR_FULL_422" if kind == "JPEG" else "YBR_RCT"
    colour = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": photometric}
    data = put_frame(encode_dicom(np.ones((16, 24), np.uint16), 8), encoded(colours, kind), syntax, **colour)
    image = read_dicom(data, most_pixels=MOST)
    assert np.abs(image.values.astype(int) - 124).max() <= 1


def test_jpeg_of_red_green_and_blue(put_frame: PutFrame) -> None:
    """Where the header says RGB and the stream nothing, the samples are taken as red, green and blue."""
    colours = Image.fromarray(np.zeros((16, 24, 3), np.uint8) + np.array([200, 100, 50], np.uint8))
    buffer = io.BytesIO()
    # Samples that a reader of YCbCr would turn round, without any marker that tells what they are.
    Image.frombytes("YCbCr", colours.size, colours.tobytes()).save(buffer, "JPEG", quality=100, subsampling=0)
    frame = buffer.getvalue()
    start = frame.index(b"\xff\xe0")
    bare = frame[:start] + frame[start + 2 + int.from_bytes(frame[start + 2 : start + 4], "big") :]
    colour = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB"}
    data = put_frame(encode_dicom(np.ones((16, 24), np.uint16), 8), bare, BASELINE, **colour)
    assert np.abs(read_dicom(data, most_pixels=MOST).values.astype(int) - 124).max() <= 1


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        ("1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000"),
        ("1.2.840.10008.1.2.4.100", "MPEG2"),
        ("1.2.826.0.1.3680043.8.498.1", "an unknown method"),
    ],
)
def test_syntaxes_that_are_not_read(make_values: MakeValues, put_frame: PutFrame, syntax: str, name: str) -> None:
    """The refusal says how the file is compressed, and quotes nothing that the standard does not know."""
    data = put_frame(encode_dicom(make_values(8), 8), b"\xff\xd8", syntax)
    with pytest.raises(UnreadableImage, match=f"compressed in a way that is not read here.*{name}"):
        read_dicom(data, most_pixels=MOST)


def test_jpeg_with_twelve_bits_and_loss(make_values: MakeValues, put_frame: PutFrame) -> None:
    """Nothing here decodes the 12-bit form of JPEG with loss, and the refusal says so."""
    frame = b"\xff\xd8\xff\xc1\x00\x0b\x0c\x00\x1e\x00\x28\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00data"
    with pytest.raises(UnreadableImage, match="JPEG with 12 bits and loss"):
        read_dicom(put_frame(encode_dicom(make_values(12), 12), frame, EXTENDED), most_pixels=MOST)


def test_frames_that_contradict_the_header(make_values: MakeValues, put_frame: PutFrame) -> None:
    """A frame of another size than the header's is refused before it is decoded."""
    other = make_values(8, rows=31).astype(np.uint8)
    for kind, syntax in (("JPEG", BASELINE), ("JPEG2000", JPEG2000)):
        data = put_frame(encode_dicom(make_values(8), 8), encoded(other, kind), syntax)
        with pytest.raises(UnreadableImage, match="disagree on the size"):
            read_dicom(data, most_pixels=MOST)


def test_run_lengths_cannot_grow_beyond_the_image(make_values: MakeValues, put_frame: PutFrame) -> None:
    """A segment of runs that would fill gigabytes gives the image's bytes and no more; one that never ends is cut."""
    header = np.array([1, 64, *[0] * 14], "<u4").tobytes()
    plain = encode_dicom(make_values(8), 8)
    runs = put_frame(plain, header + b"\x81\x07" * 1_000_000, RLE)
    assert (read_dicom(runs, most_pixels=MOST).values == 7).all()
    nothing = put_frame(plain, header + b"\x80" * 1_000_000, RLE)
    with pytest.raises(UnreadableImage, match="damaged or cut short"):
        read_dicom(nothing, most_pixels=MOST)


@pytest.mark.parametrize("name", ["JPEGLosslessProcess14_1", "JPEGLSLossless"])
def test_damage_in_a_frame_is_a_reason(make_values: MakeValues, compress: Compress, name: str) -> None:
    """Lossless frames whose middle was overwritten are refused, or read where the damage does not show."""
    data = compress(encode_dicom(make_values(12), 12), name)
    outcomes: set[object] = set()
    for place in range(data.index(b"\xff\xd8"), len(data) - 20, 7):
        damaged = data[:place] + b"\xff\x00\xff" + data[place + 3 :]
        try:
            outcomes.add(read_dicom(damaged, most_pixels=MOST).values.shape)
        except UnreadableImage as error:
            outcomes.add(str(error))
    assert "the image is damaged or cut short" in outcomes


def test_a_worker_that_died_is_replaced(make_values: MakeValues, compress: Compress) -> None:
    """A decoder that ends in the middle of a frame costs that frame alone, and the process nothing."""
    data = compress(encode_dicom(make_values(12), 12), "JPEGLosslessProcess14_1")
    first = read_dicom(data, most_pixels=MOST)
    worker = isolated._own_worker()
    worker.kill()
    worker.wait()
    assert (read_dicom(data, most_pixels=MOST).values == first.values).all()
    assert isolated._own_worker().pid not in {worker.pid, os.getpid()}


def test_a_worker_that_hangs_is_ended(
    make_values: MakeValues, compress: Compress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that does not answer in time is ended, its frame refused, and the next one read."""
    data = compress(encode_dicom(make_values(12), 12), "JPEGLSLossless")
    worker = isolated._own_worker()
    worker.kill()
    worker.wait()
    with monkeypatch.context() as patched:
        patched.setattr(isolated, "_SECONDS", 0.0)  # less than a fresh worker takes to start
        with pytest.raises(UnreadableImage, match="damaged"):
            read_dicom(data, most_pixels=MOST)
    assert read_dicom(data, most_pixels=MOST).values.shape == (30, 40)
