"""JPEGs decoded at the size that is wanted: the same picture as Pillow's, and the same refusals."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from xray_model.data.images import decode_image, read_content
from xray_model.data.records import DisplayHints
from xray_model.data.scaled_jpeg import MAXIMUM_SCANS, decode_jpeg, read_jpeg_header
from xray_model.errors import UnreadableImage

SIDE = 64
PLAIN = DisplayHints()
Pixels = npt.NDArray[np.uint8]


def scene(height: int, width: int) -> Pixels:
    """A smooth picture with structure at every size."""
    down, across = np.mgrid[0:height, 0:width] / max(height, width)
    waves = np.sin(9 * across) + np.cos(7 * down + 3 * across) + 0.3 * np.sin(60 * down * across)
    return np.asarray(255 * (waves - waves.min()) / np.ptp(waves), np.uint8)


def encoded(picture: Image.Image, **options: Any) -> bytes:
    """JPEG bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", **{"quality": 95, **options})
    return buffer.getvalue()


def resampled(data: bytes, size: tuple[int, int]) -> Pixels:
    """What Pillow makes of the whole picture."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("L").resize(size, Image.Resampling.BILINEAR))


@pytest.mark.parametrize("shape", [(64, 64), (102, 90), (90, 102), (128, 120), (500, 333), (1000, 1400), (70, 64)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["sequential", "progressive"])
def test_the_picture_is_the_one_that_decoding_whole_and_resampling_gives(
    shape: tuple[int, int], options: dict[str, Any]
) -> None:
    """In any size and shape gray levels differ by at most 4 of 255 on average: edges lie parts of a pixel apart."""
    data = encoded(Image.fromarray(scene(*shape)), **options)
    content = read_content(data, PLAIN, SIDE)
    assert max(content.gray.shape) == SIDE
    assert (content.file.height, content.file.width, content.file.bits, content.file.mode) == (*shape, 8, "L")
    plain = resampled(data, content.gray.shape[::-1])
    assert np.abs(content.gray.astype(int) - plain).mean() <= 4


@given(st.integers(1, 700), st.integers(1, 700))
def test_the_longer_side_is_met_or_exceeded(height: int, width: int) -> None:
    """A picture comes out no smaller than is wanted, unless the file is smaller, and keeps its shape."""
    header = read_jpeg_header(data := encoded(Image.fromarray(np.zeros((height, width), np.uint8))))
    assert header is not None
    gray = decode_jpeg(data, header, SIDE)
    assert gray is not None
    assert gray.dtype == np.uint8
    assert min(SIDE, height, width) <= max(gray.shape) <= max(height, width)
    assert max(gray.shape) >= min(SIDE, max(height, width))
    scale = max(gray.shape) / max(height, width)
    assert gray.shape == pytest.approx((height * scale, width * scale), abs=1)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_colour_space_becomes_gray(mode: str) -> None:
    """Gray and YCbCr are decoded here, others are left to Pillow; all come out as the same gray."""
    picture = Image.fromarray(scene(120, 100))
    data = encoded(picture.convert(mode))
    assert (read_jpeg_header(data) is None) == (mode == "CMYK")
    content = read_content(data, PLAIN, SIDE)
    assert content.file.mode == mode
    assert np.abs(content.gray.astype(int) - resampled(encoded(picture), content.gray.shape[::-1])).mean() <= 3


def test_monochrome1_turns_gray_round() -> None:
    """The negative of a JPEG is its picture turned round."""
    data = encoded(Image.fromarray(scene(200, 200)))
    positive, negative = (read_content(data, DisplayHints(monochrome1=turned), SIDE).gray for turned in (False, True))
    assert np.array_equal(negative, 255 - positive)


@pytest.mark.parametrize("colours", ["L", "RGB"])
def test_a_jpeg_cut_short_is_refused(colours: str) -> None:
    """Wherever a JPEG is cut, it is refused, never filled up with gray."""
    data = encoded(Image.fromarray(scene(300, 300)).convert(colours))
    for length in np.linspace(3, 0.95 * len(data), 40).astype(int):
        with pytest.raises(UnreadableImage):
            decode_image(data[:length], PLAIN, SIDE)


def test_what_pillow_reads_is_read() -> None:
    """A file with bytes between its parts, which libjpeg only warns of, is no worse off than with Pillow alone."""
    data = encoded(Image.fromarray(scene(100, 100)))
    end = data.rindex(b"\xff\xd9")
    padded = data[:end] + b"\x00" * 40 + data[end:]
    assert np.array_equal(resampled(padded, (SIDE, SIDE)), resampled(data, (SIDE, SIDE)))
    assert read_content(padded, PLAIN, SIDE).gray.shape == (SIDE, SIDE)


def comment(text: bytes) -> bytes:
    """A segment that decoders pass over."""
    return b"\xff\xfe" + (len(text) + 2).to_bytes(2) + text


@pytest.mark.parametrize(
    "before_the_frame",
    [
        b"",
        comment(b"\xff\xc0\x00\x0b"),
        b"\xff" + comment(b"\x00" * 0xFE00 + b"\xff\xc0\x00\x0b\x08\x00\x08\x00\x08\x01\x01\x11\x00"),
        b"\x00\x00",
    ],
    ids=["plainly", "behind a frame in a comment", "behind a fill byte", "behind bytes that are no segment"],
)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_too_many_scans_are_refused(mode: str, before_the_frame: bytes) -> None:
    """A JPEG with more scans than any real one has is refused before it is decoded, wherever its frame stands."""
    data = encoded(Image.fromarray(scene(100, 100)).convert(mode), progressive=True)
    scan = data[data.index(b"\xff\xda") : data.rindex(b"\xff\xd9")]
    frame = data.index(b"\xff\xc2")
    bomb = data[:frame] + before_the_frame + data[frame:-2] + scan * MAXIMUM_SCANS + b"\xff\xd9"
    with pytest.raises(UnreadableImage, match="scans"):
        decode_image(bomb, PLAIN, SIDE)


@pytest.mark.parametrize(
    ("orientation", "lying"),
    [
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_photograph_is_turned_upright(orientation: int, lying: Image.Transpose, kind: str) -> None:
    """The EXIF orientation that viewers follow is followed here."""
    picture = Image.fromarray(scene(96, 64))
    reference = read_content(encoded(picture), PLAIN, SIDE).gray
    exif = Image.Exif()
    exif[274] = orientation
    buffer = io.BytesIO()
    picture.transpose(lying).save(buffer, kind, exif=exif)
    found = read_content(buffer.getvalue(), PLAIN, SIDE).gray
    assert found.shape == reference.shape
    assert np.abs(found.astype(int) - reference).mean() <= 3
