"""Single images: odd ones that are sound, broken ones, and bombs."""

import io
import math
import struct
import zipfile
from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.hostile import encoding as en
from tests.hostile.cases import ACCEPTED, Case, End, Pixels, quarantined
from xray_model.data.images import MAXIMUM_PIXELS

BATCH = "images/loose"
_DAMAGED, _FOREIGN = quarantined("damaged or cut short"), quarantined("not a PNG, JPEG or DICOM")
_TOO_LARGE = quarantined("far larger than any radiograph")
_SMALL, _BLANK = quarantined("smaller than 128"), quarantined("blank")
_LARGEST = (math.isqrt(MAXIMUM_PIXELS),) * 2
"""As large as is decoded at all."""


def _png_bomb_of_text(kind: bytes) -> Callable[[Pixels], bytes]:
    packed = en.packed_zeros(100 * 2**20)
    return lambda picture: en.png(picture, en.chunk(kind, b"a\0\0" + packed))


def _exif(orientation: int = 1, padding: int = 0) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, "x" * padding
    return exif.tobytes()


def _four_bits(picture: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).quantize(16).save(buffer, "PNG", bits=4)
    return buffer.getvalue()


def _zip(picture: Pixels) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inside.png", en.png(picture))
    return buffer.getvalue()


def _animated_gif(picture: Pixels) -> bytes:
    frames = [Image.fromarray(np.roll(picture, step)) for step in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def _multi_picture(picture: Pixels) -> bytes:
    buffer = io.BytesIO()
    first = Image.fromarray(picture)
    first.save(buffer, "MPO", save_all=True, append_images=[first.rotate(90)] * 20)
    return buffer.getvalue()


def _swap_checksum(data: bytes, kind: bytes) -> bytes:
    """The checksum of the last chunk of a kind, made wrong."""
    start = data.rindex(kind) - 4
    end = start + 8 + struct.unpack(">I", data[start : start + 4])[0]
    return data[:end] + b"\0\1\2\3" + data[end + 4 :]


def _without_huffman_tables(data: bytes) -> bytes:
    while (place := data.find(b"\xff\xc4")) >= 0:
        data = data[:place] + data[place + 2 + struct.unpack(">H", data[place + 2 : place + 4])[0] :]
    return data


Encode = Callable[[Pixels], bytes]
_IMAGES: dict[str, tuple[Encode, End]] = {
    # Sound, in a form that a radiograph seldom has.
    "cmyk.jpg": (lambda p: en.jpeg(p, "CMYK"), ACCEPTED),
    "ycck-progressive.jpg": (lambda p: en.jpeg(p, "CMYK", progressive=True), ACCEPTED),
    "progressive.jpg": (lambda p: en.jpeg(p, progressive=True), ACCEPTED),
    "turned-by-exif.jpg": (lambda p: en.jpeg(np.rot90(p), exif=_exif(6)), ACCEPTED),  # it lies, and is told to stand
    "much-exif.jpg": (lambda p: en.jpeg(p, exif=_exif(padding=60_000)), ACCEPTED),
    "multi-picture.jpg": (_multi_picture, ACCEPTED),
    "junk-behind.jpg": (lambda p: en.jpeg(p) + bytes(2**20), ACCEPTED),
    "jpeg-named-png.png": (en.jpeg, ACCEPTED),
    "png-named-jpg.jpg": (en.png, ACCEPTED),
    "png-named-tif.TIFF": (en.png, ACCEPTED),
    "palette.png": (lambda p: en.saved(p, "PNG", "P"), ACCEPTED),
    "rgba.png": (lambda p: en.saved(p, "PNG", "RGBA"), ACCEPTED),
    "gray-alpha.png": (lambda p: en.saved(p, "PNG", "LA"), ACCEPTED),
    "16-bit.png": (lambda p: en.png(p.astype(np.uint16) * 200), ACCEPTED),
    "16-bit-rgb.png": (en.rgb16_png, ACCEPTED),
    "4-bit.png": (_four_bits, ACCEPTED),
    "interlaced.png": (en.interlaced_png, ACCEPTED),
    "animated.png": (lambda p: en.apng(p, 3), quarantined("animation")),
    "animated-5000-frames.png": (lambda p: en.apng(p, 5_000), quarantined("animation")),
    "1000-texts.png": (lambda p: en.png(p, *[en.chunk(b"tEXt", b"a%d\0b" % i) for i in range(1_000)]), ACCEPTED),
    "wrong-size-of-data.png": (lambda p: en.png(p, after=(en.chunk(b"IDAT", bytes(2**20)),)), ACCEPTED),
    # The pixels have a checksum of their own inside the chunk's; without tables, a JPEG means the standard's.
    "wrong-checksum-of-chunk.png": (lambda p: _swap_checksum(en.png(p), b"IDAT"), ACCEPTED),
    "without-huffman-tables.jpg": (lambda p: _without_huffman_tables(en.jpeg(p)), ACCEPTED),
    "1-bit.png": (lambda p: en.saved(p, "PNG", "1"), ACCEPTED),
    # Nothing, not all, or something else.
    "empty.png": (lambda _: b"", quarantined("the file is empty")),
    "one-byte.jpg": (lambda _: b"\xff", _FOREIGN),
    "signature-alone.png": (lambda _: en.SIGNATURE, _FOREIGN),
    "cut.png": (lambda p: en.png(p)[:9_000], _DAMAGED),
    "cut.jpg": (lambda p: en.jpeg(p)[:3_000], _DAMAGED),
    "cut-in-its-header.jpg": (lambda p: en.jpeg(p)[:60], _DAMAGED),
    "zeros.png": (lambda _: bytes(100_000), _FOREIGN),
    "wrong-checksum-of-header.png": (lambda p: _swap_checksum(en.png(p), b"IHDR"), _FOREIGN),
    "damaged-pixels.png": (lambda p: en.SIGNATURE + en.header(*p.T.shape) + en.chunk(b"IDAT", b"x" * 99), _DAMAGED),
    "without-pixels.png": (lambda p: en.SIGNATURE + en.header(*p.T.shape) + en.END, _DAMAGED),
    "taller-than-its-data.png": (lambda p: en.png(p).replace(en.header(*p.T.shape), en.header(200, 900)), _DAMAGED),
    "0-by-0.png": (lambda _: en.flat_png(0, 0), quarantined("")),
    "unknown-depth.png": (lambda _: en.SIGNATURE + en.header(200, 200, depth=3) + en.END, quarantined("")),
    "0-by-0.jpg": (lambda p: en.resized_jpeg(en.jpeg(p), 0, 0), quarantined("")),
    "text.png": (lambda _: b"This image could not be exported.\n" * 50, _FOREIGN),
    "page.jpg": (lambda _: b"<html><script>alert(1)</script></html>", _FOREIGN),
    "postscript.png": (lambda _: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 300 300\n(%pipe%id) run\n", _FOREIGN),
    "drawing.png": (lambda _: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
                    _FOREIGN),
    "zip.png": (_zip, _FOREIGN),
    "animated.gif": (_animated_gif, _FOREIGN),
    "picture.tif": (lambda p: en.saved(p, "TIFF"), _FOREIGN),
    "picture.bmp": (lambda p: en.saved(p, "BMP"), _FOREIGN),
    "picture.webp": (lambda p: en.saved(p, "WEBP"), _FOREIGN),
    # Sizes.
    "1-by-1.png": (lambda _: en.flat_png(1, 1), _SMALL),
    "1-by-1.jpg": (lambda p: en.jpeg(p[:1, :1]), _SMALL),
    "strip.png": (lambda _: en.flat_png(1, 5_000), quarantined("too wide or too tall")),
    "black.png": (lambda p: en.png(p * 0), _BLANK),
    "30000-by-30000.png": (lambda _: en.flat_png(30_000, 30_000), _TOO_LARGE),
    "30000-by-30000-1-bit.png": (lambda _: en.flat_png(30_000, 30_000, depth=1), _TOO_LARGE),
    "2-billion-wide.png": (lambda _: en.SIGNATURE + en.header(2**31 - 1, 2**31 - 1) + en.END, _TOO_LARGE),
    "65500-by-65500.jpg": (lambda p: en.resized_jpeg(en.jpeg(p), 65_500, 65_500), _TOO_LARGE),
    # As large as is allowed, in the forms that take most memory and time.
    "largest-16-bit.png": (lambda _: en.flat_png(*_LARGEST, depth=16), _BLANK),
    "largest-16-bit-rgba.png": (lambda _: en.flat_png(*_LARGEST, depth=16, colour=en.RGBA), _BLANK),
    "largest-interlaced.png": (lambda _: en.flat_png(*_LARGEST, colour=en.GRAY_ALPHA, interlaced=1), _BLANK),
    "largest-progressive-cmyk.jpg": (
        lambda p: en.resized_jpeg(en.jpeg(p, "CMYK", progressive=True), *_LARGEST), quarantined("")),
    "2000-scans.jpg": (lambda p: en.many_scans(p, 2_000, _LARGEST), quarantined("scans")),
    "text-bomb.png": (_png_bomb_of_text(b"zTXt"), _DAMAGED),
    "colour-profile-bomb.png": (_png_bomb_of_text(b"iCCP"), _DAMAGED),
    "pixel-bomb.png": (lambda p: en.SIGNATURE + en.header(*p.T.shape)
                       + en.chunk(b"IDAT", en.packed_zeros(300 * 2**20)) + en.END, _BLANK),
}  # fmt: skip


def _case(name: str, encode: Encode, end: End) -> Case:
    stored = f"normal/{name}"
    return Case(name, BATCH, lambda picture: {stored: encode(picture)}, {stored: end})


CASES = tuple(_case(name, encode, end) for name, (encode, end) in _IMAGES.items())
