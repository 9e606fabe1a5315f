"""The check of a JPEG stream before a decoder sees it."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from xray_model.data.dicom.jpeg import JpegFrame, read_jpeg_frame
from xray_model.errors import UnreadableImage

FRAME = b"\xff\xc3\x00\x0b\x0c\x00\x1e\x00\x28\x01\x01\x11\x00"
TABLE = b"\xff\xc4\x00\x15\x00" + b"\x00\x02" + bytes(14) + b"\x00\x01"
SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x01\x00\x00" + b"data"
START = b"\xff\xd8"


def test_frame_header() -> None:
    """Process, precision and size are read, past fill bytes and comments."""
    comment = b"\xff\xff\xff\xfe\x00\x04ab"
    assert read_jpeg_frame(START + comment + TABLE + FRAME + SCAN) == JpegFrame(0xC3, 12, 30, 40, 1)


def test_pillow_writes_what_is_understood() -> None:
    """The frame of an ordinary colour JPEG has its size and three components."""
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(buffer, "JPEG")
    assert read_jpeg_frame(buffer.getvalue()) == JpegFrame(0xC0, 8, 30, 40, 3)


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        START,
        START + SCAN,
        START + FRAME,
        START + FRAME + FRAME + SCAN,
        START + FRAME.replace(b"\x00\x1e", b"\x00\x00") + SCAN,
        START + FRAME.replace(b"\x28\x01", b"\x28\x02") + SCAN,
        START + b"\xff\xc4\x00\x15\x00" + b"\x03" + bytes(15) + b"\x00\x01" + FRAME + SCAN,
        START + b"\xff\xc4\x00\x15\x00" + b"\x00" * 15 + b"\xff" + b"\x00\x01" + FRAME + SCAN,
        START + b"\xff\xfe\xff\xff" + FRAME + SCAN,
        START + b"\xff\xfe\x00\x01" + FRAME + SCAN,
        START + START + FRAME + SCAN,
        FRAME + SCAN,
    ],
)
def test_damaged_streams_are_refused(stream: bytes) -> None:
    """Without one whole frame header and sound tables before its scan, a stream is refused."""
    with pytest.raises(UnreadableImage, match="damaged or cut short"):
        read_jpeg_frame(stream)


@given(st.binary().map(lambda data: START + FRAME + data))
def test_any_bytes_are_read_or_refused(stream: bytes) -> None:
    """Whatever follows a frame header, it is that frame or a refusal."""
    try:
        frame = read_jpeg_frame(stream)
    except UnreadableImage:
        frame = JpegFrame(0xC3, 12, 30, 40, 1)
    assert frame == JpegFrame(0xC3, 12, 30, 40, 1)
