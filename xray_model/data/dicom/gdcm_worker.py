"""Decodes JPEG frames with GDCM in a process of its own: started by `isolated`, fed over its standard input.

It imports nothing of this project, so that it starts from its file wherever the project is installed.
"""

import json
import struct
import sys
from typing import BinaryIO

from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder

REQUEST = struct.Struct("<LL")
"""Bytes of the options (JSON), bytes of the frame."""
ANSWER = struct.Struct("<LL")
"""Bytes per sample, bytes of the samples; both 0 where the frame cannot be decoded."""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until their end."""
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        options_size, frame_size = REQUEST.unpack(head)
        options = json.loads(requests.read(options_size))
        frame = requests.read(frame_size)
        decoder = get_decoder(options.pop("syntax"))
        try:
            pixels, _ = decoder.as_array(encapsulate([frame]), index=0, raw=True, decoding_plugin="gdcm", **options)
        except (ArithmeticError, AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError):
            answers.write(ANSWER.pack(0, 0))
        else:
            samples = pixels.tobytes()
            answers.write(ANSWER.pack(pixels.dtype.itemsize, len(samples)) + samples)
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
