"""What a catalog of a million images costs: reading its columns, building a snapshot, finding near duplicates in it.

`python bench/catalog.py [rows]` writes a catalog of batches of 20,000 rows into a temporary folder and measures each
step in a process of its own. It prints the floor (reading the files' bytes), the naive way (every file whole through
pandas; a matrix of all distances) and ours, and as its last line one JSON object: `rows`, `floor_seconds`,
`naive_load_seconds`, `load_seconds`, `snapshot_seconds`, `known_seconds` (what an ingest loads to compare with),
`naive_near_seconds_500`, `near_seconds_500` and `near_seconds_20000` (that many new images against all), and `peak_mb`,
the most memory that any of our steps took.
"""

import io
import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pandas as pd

from storage.catalog import batch_ids, catalog_key, commit_batch, current_batches, load_rows
from storage.known import load_known
from storage.objects import open_objects
from storage.snapshots import COLUMNS, build_snapshot
from xray_model.config import SnapshotOptions
from xray_model.data.identity import NEAR_DUPLICATE_BITS, find_duplicates
from xray_model.data.quality import QUALITY_FIGURES
from xray_model.data.similarity import hash_words
from xray_model.data.splits import SplitShares, assign_split
from xray_model.outcomes import BatchOutcome, BatchStatus

BATCH = 20_000
KNOWN = ["image_id", "phash", "patient_id", "split", "label"]
COMPARED = ["image_id", "phash", "split"]


def draw_hashes(rng: np.random.Generator, count: int) -> list[str]:
    """Hashes as unlike as those of 2,201 public radiographs (120 bits, give or take 11), 1 % of them near another."""
    common = np.random.default_rng(1).normal(size=(24, 256)).astype(np.float32)
    drawn = rng.normal(size=(count, 24)).astype(np.float32) @ common
    bits = drawn + rng.normal(scale=6.0, size=drawn.shape) > np.random.default_rng(2).normal(scale=2.2, size=256)
    for copy in rng.choice(count, count // 100, replace=False):
        bits[copy] = bits[rng.integers(count)]
        bits[copy, rng.choice(256, rng.integers(14), replace=False)] ^= True
    return [row.tobytes().hex() for row in np.packbits(bits, axis=1)]


def draw_rows(place: int, count: int) -> pd.DataFrame:
    """One batch of catalog rows with strings as long and as various as real ones."""
    rng = np.random.default_rng(place)
    source, name = f"hospital-{place % 5}", f"night-{place:04d}"
    shares = SplitShares()
    patients = [rng.bytes(16).hex() for _ in range(count // 2)]
    splits = {patient: assign_split(patient, shares) for patient in patients}
    chosen = [patients[index] for index in rng.integers(len(patients), size=count)]
    bad = rng.choice([True, False], count, p=[0.02, 0.98])
    return pd.DataFrame(
        {
            "image_id": [rng.bytes(32).hex() for _ in range(count)],
            "batch_id": f"{source}.{name}.{place:012x}",
            "source": source,
            "revision": 0,
            "key": [
                f"incoming/{source}/{name}/sub-S{i:06d}/ses-E{i:06d}/mod-rx/run-1_bp-chest_cr.png" for i in range(count)
            ],
            "etag": [rng.bytes(16).hex() for _ in range(count)],
            "patient_id": chosen,
            "session_id": [rng.bytes(16).hex() for _ in range(count)],
            "view": rng.choice(np.array(["PA", "AP", None]), count),
            "sex": rng.choice(np.array(["F", "M", None]), count),
            "age": rng.integers(18, 95, count).astype(float),
            "manufacturer": rng.choice(["GE Healthcare", "Philips Medical Systems", "Siemens"], count),
            "label": rng.choice(["covid", "normal", "pneumonia"], count),
            "finding": rng.choice(["COVID 19", "normal", "pneumonia, infiltrates"], count),
            "split": [splits[patient] for patient in chosen],
            "status": np.where(bad, "quarantined", "accepted"),
            "reasons": [["is too dark"] if one else [] for one in bad],
            "shard": np.arange(count) // 256,
            "row": np.arange(count) % 256,
            "phash": draw_hashes(rng, count),
            **{
                column: rng.normal(100, 30, count).round(4)
                for column in QUALITY_FIGURES
                if column not in {"min", "max"}
            },
            "min": rng.integers(0, 9, count),
            "max": rng.integers(240, 256, count),
        }
    )


def write_catalog(url: str, rows: int) -> None:
    """Commit batches that were each compared with all before."""
    objects = open_objects(url)
    seen: list[str] = []
    for place in range(rows // BATCH):
        frame = draw_rows(place, BATCH)
        batch_id = str(frame["batch_id"].iat[0])
        outcome = BatchOutcome(batch_id=batch_id, source="bench", name=batch_id, status=BatchStatus.ACCEPTED)
        commit_batch(objects, frame, outcome, seen)
        seen.append(batch_id)


def read_bytes(url: str) -> float:
    """The floor: the files' bytes."""
    objects = open_objects(url)
    started = time.perf_counter()
    for _, data in objects.get_many([catalog_key(batch_id) for batch_id in batch_ids(objects)]):
        assert isinstance(data, bytes)  # noqa: S101
    return time.perf_counter() - started


def load_naively(url: str) -> float:
    """Every file whole, put together."""
    objects = open_objects(url)
    started = time.perf_counter()
    pd.concat([pd.read_parquet(io.BytesIO(objects.get(catalog_key(batch_id)))) for batch_id in batch_ids(objects)])
    return time.perf_counter() - started


def load_columns(url: str) -> float:
    """The columns of a snapshot."""
    started = time.perf_counter()
    objects = open_objects(url)
    load_rows(objects, COLUMNS, current_batches(objects), ("accepted",))
    return time.perf_counter() - started


def load_comparable(url: str) -> float:
    """What an ingest compares with."""
    started = time.perf_counter()
    load_known(open_objects(url), KNOWN)
    return time.perf_counter() - started


def snapshot(url: str) -> float:
    """A snapshot of everything."""
    started = time.perf_counter()
    build_snapshot(open_objects(url), SnapshotOptions())
    return time.perf_counter() - started


def compare_naively(url: str) -> float:
    """The distances of 500 new hashes from all known ones, as one matrix after another."""
    known, new = (
        hash_words(load_known(open_objects(url), COMPARED).rows["phash"]),
        hash_words(draw_rows(10**6, 500)["phash"]),
    )
    started = time.perf_counter()
    for block in np.array_split(new, max(1, len(new) * len(known) // 4_000_000)):
        distance: npt.NDArray[np.uint16] = np.zeros((len(block), len(known)), np.uint16)
        for word in range(4):
            distance += np.bitwise_count(block[:, word, None] ^ known[None, :, word])
        np.argwhere(distance <= NEAR_DUPLICATE_BITS)
    return time.perf_counter() - started


def compare(url: str, count: int) -> float:
    """Duplicates of new images, from frame to frame."""
    known, new = load_known(open_objects(url), COMPARED).rows, draw_rows(10**6, count)
    started = time.perf_counter()
    find_duplicates(new, known)
    return time.perf_counter() - started


def measure(step: Callable[..., float], *arguments: object) -> tuple[float, float]:
    """Seconds of a step, and the most memory its process took, in MB."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, step, *arguments).result()


def _measured(step: Callable[..., float], *arguments: object) -> tuple[float, float]:
    seconds = step(*arguments)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main() -> None:
    """Measure, print, and end with JSON."""
    rows = int(sys.argv[1]) // BATCH * BATCH if len(sys.argv) > 1 else 1_000_000
    with TemporaryDirectory(prefix="xray-bench-") as folder:
        url = Path(folder).as_uri()
        measure_write = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        with measure_write as pool:
            pool.submit(write_catalog, url, rows).result()
        naive = {
            "floor_seconds": measure(read_bytes, url),
            "naive_load_seconds": measure(load_naively, url),
            "naive_near_seconds_500": measure(compare_naively, url),
        }
        ours = {
            "load_seconds": measure(load_columns, url),
            "snapshot_seconds": measure(snapshot, url),
            "known_seconds": measure(load_comparable, url),
            "near_seconds_500": measure(compare, url, 500),
            "near_seconds_20000": measure(compare, url, 20_000),
        }
    for name, (seconds, megabytes) in (naive | ours).items():
        print(f"{name:23} {seconds:7.2f} s {megabytes:7.0f} MB")
    figures = {name: round(seconds, 3) for name, (seconds, _) in (naive | ours).items()}
    print(json.dumps({"rows": rows, **figures, "peak_mb": round(max(peak for _, peak in ours.values()))}))


if __name__ == "__main__":
    main()
