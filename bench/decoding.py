"""Which library decodes fastest to gray levels at the size wanted, in one run: what `docs/decoding.md` quotes.

`python bench/decoding.py` draws radiographs as 16-bit PNGs of BIMCV's size and as JPEGs of 512 and 1300 pixels, and
takes each with Pillow, simplejpeg, TensorFlow, OpenCV and imagecodecs, where they are installed (`pip install
opencv-python-headless imagecodecs`), in as many threads as there are cores. The floor is Pillow's decoding without any
resampling, the naive way decodes whole and resamples, ours is `read_content`. The last line is one JSON object:
milliseconds a picture, by kind and library, and `times_naive_<kind>` of ours.
"""

import io
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from xray_model.data.images import read_content
from xray_model.data.phantoms import CohortOptions, plan_cohort
from xray_model.data.phantoms.encoding import Storage, encode_png, store_picture
from xray_model.data.records import DisplayHints

SIDE = 320
RUNS = 3
Decode = Callable[[bytes], object]


def main() -> None:
    """Draw, time, print, and end with JSON."""
    figures: dict[str, float] = {}
    for kind, files in draw().items():
        ways = {"floor": decode_alone, "naive": decode_and_resample, "ours": decode_ours, **other_libraries(kind)}
        for name, decode in ways.items():
            figures[f"{kind}_{name}"] = milliseconds(decode, files)
        figures[f"times_naive_{kind}"] = figures[f"{kind}_naive"] / figures[f"{kind}_ours"]
    for name, value in figures.items():
        print(f"{name:28} {value:8.2f}")
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def draw() -> dict[str, list[bytes]]:
    """Files by kind; different pictures, for a decoder may keep what it has just seen."""
    pictures = [exam.draw() for exam in plan_cohort(CohortOptions(patients=12, seed=3))[:12]]
    rng = np.random.default_rng(5)

    def enlarged(picture: np.ndarray, width: int, height: int) -> np.ndarray:
        large = np.asarray(
            Image.fromarray(picture.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
        )
        return np.clip(large + rng.normal(0, 0.004, large.shape), 0, 1).astype(np.float32)

    def jpeg(picture: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(buffer, "JPEG", quality=92)
        return buffer.getvalue()

    stored = Storage(12, 0.05, 0.95, monochrome1=False)
    return {
        "png16": [encode_png(store_picture(enlarged(picture, 2836, 2336), stored)) for picture in pictures],
        "jpeg512": [jpeg(enlarged(picture, 512, 470)) for picture in pictures * 8],
        "jpeg1300": [jpeg(enlarged(picture, 1300, 1000)) for picture in pictures * 4],
    }


def decode_alone(data: bytes) -> object:
    """The pixels as they lie in the file, whole."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def decode_and_resample(data: bytes) -> object:
    """Decode whole, to 8 bits, resample."""
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image)
    gray = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
    return Image.fromarray(gray).resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)


def decode_ours(data: bytes) -> object:
    """As ingest does."""
    return read_content(data, DisplayHints(), SIDE)


def other_libraries(kind: str) -> dict[str, Decode]:
    """Other decoders that are installed, each by its fastest way to the pixels, without resampling."""
    png = kind.startswith("png")
    found: dict[str, Decode] = {}
    if find_spec("cv2"):
        cv2 = import_module("cv2")
        flag = cv2.IMREAD_UNCHANGED if png else cv2.IMREAD_GRAYSCALE
        found["opencv"] = lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if find_spec("imagecodecs"):
        codecs = import_module("imagecodecs")
        found["imagecodecs"] = codecs.png_decode if png else codecs.jpeg8_decode
    if find_spec("tensorflow"):
        io_ops = import_module("tensorflow").io
        dtype = import_module("tensorflow").uint16
        found["tensorflow"] = (
            (lambda data: io_ops.decode_png(data, dtype=dtype).numpy())
            if png
            else (lambda data: io_ops.decode_jpeg(data, channels=1).numpy())
        )
    if not png:
        simplejpeg = import_module("simplejpeg")
        found["simplejpeg"] = lambda data: simplejpeg.decode_jpeg(data, "GRAY")
    return found


def milliseconds(decode: Decode, files: list[bytes]) -> float:
    """A picture's share of the wall time of the fastest run, times the cores."""
    cores = os.cpu_count() or 1
    times = []
    with ThreadPoolExecutor(cores) as pool:
        for _ in range(RUNS):
            started = time.perf_counter()
            for _ in pool.map(decode, files):
                pass
            times.append(time.perf_counter() - started)
    return min(times) * cores / len(files) * 1e3


if __name__ == "__main__":
    main()
