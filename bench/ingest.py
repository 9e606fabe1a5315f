"""What ingest costs beside its floor and beside the naive way, in one run.

`python bench/ingest.py [--images 20000]` draws 512 px JPEGs (and some 16-bit PNGs as BIMCV has them), and measures:

- the floor: decode and resize of the same bytes from memory, on all cores;
- the naive way: one `get_object` after another from an S3 server, Pillow, one file out per image;
- ours: the flow `ingest`, from finding the batch to its commit, from `file://`, from the S3 server with one object per
  image, and from a zip on it. Prefect's server and the libraries are started before: `bench/night.py` has what that
  costs.

Each runs in a process of its own, ours on an empty store. The last line is one JSON object: images per second, and
`share_of_floor_file` (ours from `file://` over the floor, JPEG), `share_of_floor_png` (the same for the PNGs),
`times_naive_s3` (ours from one object per image over the naive way), `times_naive_s3_zip` and `peak_mb` (the process
that ingests the whole batch from `file://`).
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from storage.objects import open_objects  # noqa: E402 - the server of the tests lies outside the package
from storage.settings import Settings, prepare_environment  # noqa: E402
from tests.servers.swift_server import swift_server  # noqa: E402
from xray_model.data.images import read_content  # noqa: E402
from xray_model.data.phantoms import CohortOptions, plan_cohort  # noqa: E402
from xray_model.data.phantoms.encoding import Storage, encode_png, store_picture  # noqa: E402
from xray_model.data.records import DisplayHints  # noqa: E402

SIDE = 320
IN_MEMORY = 1500
"""Images of which the floor and the naive way are timed: more would only fill the memory."""
PNG_IMAGES = 120
PNG_SIZE = (2836, 2336)
BUCKET = "bench"


def main() -> None:
    """Draw, measure each way in a process of its own, print, and end with JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000, help="JPEGs in the batch that is read from file://")
    parser.add_argument("--s3-images", type=int, default=2_000, help="JPEGs in the batches that are read from S3")
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "PLACE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        way, place = chosen.measure
        print(json.dumps(WAYS[way](place)))
        return
    with TemporaryDirectory(prefix="xray-bench-") as folder:
        figures = measure_all(Path(folder), chosen.images, chosen.s3_images)
    for name, value in figures.items():
        print(f"{name:22} {value:10.2f}")
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def measure_all(folder: Path, images: int, s3_images: int) -> dict[str, float]:
    """Images per second of every way, and the ratios."""
    jpegs, pngs = folder / "jpegs", folder / "pngs"
    say(f"drawing {images:,} JPEGs and {PNG_IMAGES} PNGs")
    total = draw_jpegs(jpegs / "incoming" / "bench" / "batch", images)
    draw_pngs(pngs / "incoming" / "bench" / "batch")
    say(f"{total / images / 1e3:.0f} kB a JPEG")
    home = {"XRAY_HOME": str(folder / "home"), "XRAY_SALT": "bench", "XRAY_SETTLE_MINUTES": "0"}
    figures: dict[str, float] = {}
    for kind, store in (("jpeg", jpegs), ("png", pngs)):
        floor = run_way("floor", str(store), home)
        ours = run_way("ours", store.as_uri(), home | {"XRAY_STORE": store.as_uri()})
        figures |= {f"floor_{kind}": floor["rate"], f"own_{kind}": floor["own"], f"file_{kind}": ours["rate"]}
        if kind == "jpeg":
            figures["peak_mb"] = ours["peak_mb"]
    with swift_server(folder / "swift") as server:
        environment = home | server
        os.environ.update(server)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        names = sorted((jpegs / "incoming").rglob("*.jpeg"))[:s3_images]
        say(f"sending {len(names):,} JPEGs to the S3 server, one object each and as a zip")
        send(names, jpegs)
        # Twice each, by turns, and the faster counts: the server shares these cores, and not always alike.
        for turn in ("first", "second"):
            rates = {"naive_s3": run_way("naive", f"{turn}/loose", environment)["rate"]}
            for way in ("loose", "zip"):
                url = f"s3://{BUCKET}/{turn}/{way}"
                rates[f"s3_{way}"] = run_way("ours", url, environment | {"XRAY_STORE": url})["rate"]
            figures |= {name: max(rate, figures.get(name, 0.0)) for name, rate in rates.items()}
    return figures | {
        "share_of_floor_file": figures["file_jpeg"] / figures["floor_jpeg"],
        "share_of_floor_png": figures["file_png"] / figures["floor_png"],
        "times_naive_s3": figures["s3_loose"] / figures["naive_s3"],
        "times_naive_s3_zip": figures["s3_zip"] / figures["naive_s3"],
    }


def draw_jpegs(folder: Path, images: int) -> int:
    """Write `images` different chests of 512 px below class folders; returns their bytes.

    Some are drawn, the others are made of two of them under a random shading: drawing each would take an hour.
    """
    drawn = [np.asarray(Image.fromarray(picture).resize((512, 512))) for picture in draw_pictures(48)]
    rng = np.random.default_rng(7)

    def write(number: int) -> int:
        own = np.random.default_rng([7, number])
        one, other = own.choice(len(drawn), 2, replace=False)
        shading = Image.fromarray(own.normal(0, 1, (7, 7)).astype(np.float32)).resize(
            (512, 512), Image.Resampling.BICUBIC
        )
        mixed = 0.6 * drawn[one] + 0.4 * drawn[other]
        picture = np.clip(mixed * (1 + 0.25 * np.asarray(shading)) + 8, 0, 255).astype(np.uint8)
        finding = ("NORMAL", "PNEUMONIA")[number % 4 > 0]
        path = (
            folder / finding / (f"IM-{number:05d}-0001.jpeg" if finding == "NORMAL" else f"person{number}_virus_1.jpeg")
        )
        picture_bytes = encode_jpeg(picture[: int(rng.integers(420, 513))])
        path.write_bytes(picture_bytes)
        return len(picture_bytes)

    for finding in ("NORMAL", "PNEUMONIA"):
        (folder / finding).mkdir(parents=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(write, range(images)))


def encode_jpeg(picture: np.ndarray) -> bytes:
    """A gray JPEG of quality 92."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def draw_pngs(folder: Path) -> None:
    """Write 16-bit PNGs of the size of a BIMCV radiograph below class folders."""
    (folder / "NORMAL").mkdir(parents=True)
    for number, picture in enumerate(draw_pictures(PNG_IMAGES)):
        large = np.asarray(Image.fromarray(picture.astype(np.float32)).resize(PNG_SIZE, Image.Resampling.BICUBIC)) / 255
        noise = np.random.default_rng([3, number]).normal(0, 0.004, large.shape)
        stored = store_picture(
            np.clip(large + noise, 0, 1).astype(np.float32), Storage(12, 0.05, 0.95, monochrome1=False)
        )
        (folder / "NORMAL" / f"IM-{number:05d}-0001.png").write_bytes(encode_png(stored))


def draw_pictures(number: int) -> Iterator[np.ndarray]:
    """Drawn chests, uint8 [height, width]."""
    exams = plan_cohort(CohortOptions(patients=number, seed=11))
    for exam in exams[:number]:
        yield np.rint(exam.draw() * 255).astype(np.uint8)


def send(names: list[Path], store: Path) -> None:
    """Put the files on the server as objects and as one zip, once for each turn: ours needs an empty store."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.write(name, name.relative_to(store / "incoming" / "bench" / "batch"))
    for turn in ("first", "second"):
        loose = open_objects(f"s3://{BUCKET}/{turn}/loose")
        loose.put_many((name.relative_to(store).as_posix(), name.read_bytes()) for name in names)
        open_objects(f"s3://{BUCKET}/{turn}/zip").put("incoming/bench/batch.zip", packed.getvalue())


def run_way(way: str, place: str, environment: dict[str, str]) -> dict[str, float]:
    """Measure one way in a fresh process."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("XRAY_")}
    command = [sys.executable, __file__, "--measure", way, place]
    done = subprocess.run(command, env=plain | environment, check=True, capture_output=True, text=True)  # noqa: S603
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    say(f"{way} {place.rpartition('/')[2]}: {figures['rate']:.0f} images/s")
    return figures


def measure_floor(folder: str) -> dict[str, float]:
    """Decode and resize from memory, in as many threads as there are cores."""
    files = sorted(path for path in (Path(folder) / "incoming").rglob("*") if path.suffix in {".jpeg", ".png"})[
        :IN_MEMORY
    ]
    data = [path.read_bytes() for path in files]

    def rate(decode: Callable[[bytes], object]) -> float:
        def decode_all() -> None:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                for _ in pool.map(decode, data):
                    pass

        return len(data) / best_seconds(decode_all)

    return {"rate": rate(decode_plainly), "own": rate(lambda item: read_content(item, DisplayHints(), SIDE))}


def decode_plainly(data: bytes) -> Image.Image:
    """Decode and resize, and nothing else: no window, no check, no figures, no aspect kept."""
    with Image.open(io.BytesIO(data)) as image:
        gray = image if image.mode.startswith("I") else image.convert("L")
        pixels = np.asarray(gray)
    plain = Image.fromarray((pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels)
    return plain.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)


def measure_naive(prefix: str) -> dict[str, float]:
    """What a notebook does: get, decode, resize, save, one image after another."""
    client = boto3.client("s3")
    listed = client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/incoming/", MaxKeys=IN_MEMORY)["Contents"]
    with TemporaryDirectory(prefix="xray-naive-") as folder:
        started = time.perf_counter()
        for number, item in enumerate(listed):
            data = client.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
            Image.open(io.BytesIO(data)).convert("L").resize((SIDE, SIDE)).save(f"{folder}/{number}.png")
        return {"rate": len(listed) / (time.perf_counter() - started)}


def measure_ours(url: str) -> dict[str, float]:
    """The whole flow on an empty store."""
    prepare_environment(Settings())
    import_module("expectations.running")  # which the flow does only where there is a batch
    os.environ["PREFECT_LOGGING_LEVEL"] = "WARNING"
    from prefect.testing.utilities import prefect_test_harness

    from flows.ingest import ingest
    from flows.running import run_flow
    from xray_model.config import IngestOptions

    with prefect_test_harness(server_startup_timeout=120):
        run_flow(ingest, IngestOptions(sources=("none",)))
        started = time.perf_counter()
        (outcome,) = run_flow(ingest, IngestOptions())
        seconds = time.perf_counter() - started
    if outcome.accepted < 0.9 * outcome.read:
        raise SystemExit(f"only {outcome.accepted} of {outcome.read} images of {url} were accepted: {outcome.reasons}")
    return {"rate": outcome.read / seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def best_seconds(work: Callable[[], None], runs: int = 3) -> float:
    """Wall time of the fastest run."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def say(text: str) -> None:
    """Progress, on the other stream than the figures."""
    print(text, file=sys.stderr, flush=True)


WAYS: dict[str, Callable[[str], dict[str, float]]] = {
    "floor": measure_floor,
    "naive": measure_naive,
    "ours": measure_ours,
}

if __name__ == "__main__":
    main()
