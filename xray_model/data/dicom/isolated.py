"""GDCM behind a process boundary: some damaged frames end the process in which it runs.

Found by fuzzing GDCM 3.2.6 with lossless JPEG: about one damaged frame in 20,000 throws a C++ exception that nothing
catches. A worker costs a third of a second to start and serves all frames of its thread.
"""

import json
import os
import struct
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from xray_model.data.dicom.gdcm_worker import ANSWER, REQUEST
from xray_model.errors import UnreadableImage

_WORKER = Path(__file__).with_name("gdcm_worker.py")
_SECONDS = 60.0
"""The largest radiographs take two."""
_DAMAGED = "the image is damaged or cut short"
_MOST_BYTES = 2
_workers = threading.local()


def decode_isolated(frame: bytes, options: dict[str, Any]) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Decode one frame in a worker process; a worker that dies or hangs is replaced.

    Args:
        frame: a JPEG or JPEG-LS stream.
        options: `syntax` and what `pydicom.pixels.Decoder.as_array` wants to know of a frame.

    Returns:
        uint8 or uint16 [rows, columns] or [rows, columns, samples].

    Raises:
        UnreadableImage: it cannot be decoded.
    """
    shape = (options["rows"], options["columns"], options["samples_per_pixel"])
    worker = _own_worker()
    timer = threading.Timer(_SECONDS, worker.kill)
    timer.start()
    try:
        itemsize, samples = _ask(worker, frame, options, count=int(np.prod(shape)))
    except (OSError, struct.error):
        _end(worker, os.getpid())
        raise UnreadableImage(_DAMAGED) from None
    finally:
        timer.cancel()
    if not itemsize:
        raise UnreadableImage(_DAMAGED)
    pixels = np.frombuffer(samples, np.uint8 if itemsize == 1 else np.uint16).reshape(shape)
    return pixels[..., 0] if shape[2] == 1 else pixels


class _Worker:
    """A process that ends with the thread, or the process, that it serves."""

    def __init__(self) -> None:
        # Its standard error is dropped: GDCM writes of every damaged frame there.
        self.process = subprocess.Popen(  # noqa: S603 (our own file)
            [sys.executable, "-P", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.owner = os.getpid()
        weakref.finalize(self, _end, self.process, self.owner)

    @property
    def serves(self) -> bool:
        """Whether it lives, and was not left here by a parent process that forked."""
        return self.owner == os.getpid() and self.process.poll() is None


def _own_worker() -> "subprocess.Popen[bytes]":
    worker: _Worker | None = getattr(_workers, "current", None)
    if worker is None or not worker.serves:
        worker = _workers.current = _Worker()
    return worker.process


def _end(process: "subprocess.Popen[bytes]", owner: int) -> None:
    if owner == os.getpid():
        process.kill()
        process.communicate()


def _ask(worker: "subprocess.Popen[bytes]", frame: bytes, options: dict[str, Any], count: int) -> tuple[int, bytes]:
    """Bytes per sample and the samples; (0, nothing) where the worker says that it cannot decode the frame.

    Raises:
        OSError, struct.error: the worker died, or answers with another number of samples than `count`.
    """
    if worker.stdin is None or worker.stdout is None:
        raise BrokenPipeError
    request = json.dumps(options).encode()
    worker.stdin.write(REQUEST.pack(len(request), len(frame)) + request + frame)
    worker.stdin.flush()
    itemsize, size = ANSWER.unpack(worker.stdout.read(ANSWER.size))
    if size != count * itemsize or itemsize > _MOST_BYTES:
        raise BrokenPipeError
    samples = worker.stdout.read(size)
    if len(samples) != size:
        raise BrokenPipeError
    return itemsize, samples
