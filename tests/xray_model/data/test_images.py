"""Images: one decode to canonical pixels, and a reason where that cannot be."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from xray_model.data.images import MAXIMUM_PIXELS, decode_image
from xray_model.data.records import DisplayHints
from xray_model.errors import UnreadableImage

SIDE = 64
PLAIN = DisplayHints()


def encoded(pixels: np.ndarray[Any, Any], kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of an image file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def ramp(high: int, dtype: type = np.uint16, shape: tuple[int, int] = (100, 100)) -> np.ndarray[Any, Any]:
    """Values from 0 to `high`."""
    return np.linspace(0, high, shape[0] * shape[1]).reshape(shape).astype(dtype)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64))


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 15, 16])
def test_every_depth_fills_the_gray_range(bits: int) -> None:
    """Without a window, images of any depth end between black and white."""
    image = decode_image(encoded(ramp(2**bits - 1)), PLAIN, SIDE)
    assert image.pixels.dtype == np.uint8
    assert image.pixels.min() <= 3
    assert image.pixels.max() >= 252
    assert image.facts.window_path == "percentiles"


def test_window_is_applied() -> None:
    """A window maps its lower end to black, its centre to middle gray and its upper end to white."""
    pixels = np.repeat(np.array([[500, 1000, 1500]], np.uint16), 3, axis=0)
    image = decode_image(encoded(pixels), DisplayHints(window=(1000.0, 1001.0)), 3)
    assert image.pixels[1].tolist() == [0, 128, 255]
    assert image.facts.window_path == "window"


@pytest.mark.parametrize(
    "hints", [DisplayHints(rescale=(-1.0, 0.0)), DisplayHints(window=(-2048.0, 4097.0), rescale=(-1.0, 0.0))]
)
def test_falling_rescale_slope_darkens_with_and_without_a_window(hints: DisplayHints) -> None:
    """A negative slope makes high stored values dark, whichever path is taken."""
    image = decode_image(encoded(ramp(4095)), hints, SIDE)
    assert image.pixels[0].mean() > 200
    assert image.pixels[-1].mean() < 50


def test_voi_lut_is_applied_before_a_window() -> None:
    """A VOI LUT decides where there is one."""
    pixels = np.repeat(np.array([[10, 11, 12]], np.uint16), 3, axis=0)
    hints = DisplayHints(window=(1000.0, 10.0), voi_lut=(10, (0, 100, 50)))
    image = decode_image(encoded(pixels), hints, 3)
    assert image.pixels[1].tolist() == [0, 255, 128]
    assert image.facts.window_path == "voi_lut"


def test_monochrome1_is_turned_round() -> None:
    """MONOCHROME1 gives the negative of the same bytes read as MONOCHROME2."""
    data = encoded(ramp(4095))
    positive, negative = decode_image(data, PLAIN, SIDE), decode_image(data, DisplayHints(monochrome1=True), SIDE)
    assert np.abs(positive.pixels.astype(int) + negative.pixels.astype(int) - 255).max() <= 1
    assert negative.facts.inverted


def test_aspect_is_kept_by_black_padding() -> None:
    """A wide image keeps its shape in the middle of a square."""
    image = decode_image(encoded(np.full((50, 100), 200, np.uint8)), PLAIN, SIDE)
    assert image.pixels.shape == (SIDE, SIDE)
    assert (image.pixels[:16] == 0).all()
    assert (image.pixels[16:48] == 200).all()
    assert image.facts.quality.aspect == 2.0


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1", "CMYK", "I;16"])
def test_every_pixel_format_becomes_gray(mode: str) -> None:
    """Colour, palette, alpha and 1-bit images decode like any other."""
    gray = Image.fromarray(ramp(255, np.uint8))
    picture = Image.fromarray(ramp(255)) if mode == "I;16" else gray.convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG" if mode == "CMYK" else "PNG")
    image = decode_image(buffer.getvalue(), PLAIN, SIDE)
    assert image.pixels.shape == (SIDE, SIDE)
    assert image.facts.width == 100


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"this is text, not a picture", "not a PNG, JPEG or DICOM"),
        (encoded(ramp(255, np.uint8), "GIF"), "not a PNG, JPEG or DICOM"),
        (encoded(ramp(4095))[:400], "damaged or cut short"),
        (encoded(ramp(255, np.uint8, (300, 300)), "JPEG")[:700], "damaged or cut short"),
        (png_header(30_000, 30_000), "larger|more than"),
        (png_header(MAXIMUM_PIXELS // 1000 + 1, 1000), "more than"),
    ],
    ids=["empty", "text", "gif", "cut png", "cut jpeg", "bomb", "too large"],
)
def test_bad_bytes_are_refused_with_a_reason(data: bytes, reason: str) -> None:
    """What cannot or must not be decoded is refused, and the message says why."""
    with pytest.raises(UnreadableImage, match=reason):
        decode_image(data, PLAIN, SIDE)


def test_one_pixel_is_an_image_without_a_hash() -> None:
    """A picture without structure decodes, and has no perceptual hash to resemble others by."""
    image = decode_image(encoded(np.full((1, 1), 9, np.uint8)), PLAIN, SIDE)
    assert image.facts.phash is None
    assert image.facts.quality.std == 0


def test_rescaled_copy_has_nearly_the_same_hash() -> None:
    """The same picture at another size and compression differs in few bits, another picture in many."""
    rng = np.random.default_rng(0)
    scene = np.asarray(Image.fromarray(rng.integers(0, 256, (12, 12)).astype(np.uint8)).resize((256, 256)))
    other = np.asarray(Image.fromarray(rng.integers(0, 256, (12, 12)).astype(np.uint8)).resize((256, 256)))
    small = np.asarray(Image.fromarray(scene).resize((180, 180)))
    hashes = [
        int(str(decode_image(data, PLAIN, 128).facts.phash), 16)
        for data in (encoded(scene), encoded(small, "JPEG", quality=80), encoded(other))
    ]
    assert (hashes[0] ^ hashes[1]).bit_count() <= 20
    assert (hashes[0] ^ hashes[2]).bit_count() > 60
