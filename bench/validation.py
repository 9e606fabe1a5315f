"""What the suites of Great Expectations cost on a batch of many records.

`python bench/validation.py [records]` draws a batch in which 2 % of the images are bad in one of several ways, and a
catalog as large to compare it with, and measures each step in a process of its own. It prints the floor (Great
Expectations imported and asked of ten records), the suites of a batch with every failing row and its reasons, and the
suite of a snapshot, and as its last line one JSON object: `records`, `floor_seconds`, `suites_100k_seconds` (of so many
records as were asked for, 100,000 unless told), `snapshot_100k_seconds`, `refused`, and `peak_mb`, the most memory that
either took.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd

from xray_model.data.splits import SplitShares, assign_split

RECORDS = 100_000
BAD = {
    "view": "L",
    "label": None,
    "mean": 10.0,
    "std": 1.0,
    "entropy": 1.0,
    "inversion": 5.0,
    "border": 0.8,
    "age": 155.0,
    "width": 90,
    "duplicate_kind": "leak",
}
"""One bad value for each way; a quarter of the bad images has two of them."""


def draw_records(count: int) -> pd.DataFrame:
    """Rows as `staging.mark_duplicates` gives them, two images a patient."""
    rng = np.random.default_rng(20)
    shares = SplitShares()
    patients = [rng.bytes(16).hex() for _ in range(count // 2 + 1)]
    ages = rng.integers(18, 95, count).astype(float)
    ages[::7] = np.nan
    rows = pd.DataFrame(
        {
            "image_id": [rng.bytes(32).hex() for _ in range(count)],
            "source": "hospital",
            "patient_id": [patients[place // 2] for place in range(count)],
            "view": rng.choice(np.array(["PA", "AP", None]), count),
            "sex": rng.choice(np.array(["F", "M", None]), count),
            "age": ages,
            "label": rng.choice(["covid", "normal", "pneumonia"], count),
            "finding": rng.choice(["COVID 19", "normal", "pneumonia, infiltrates"], count),
            "problems": [()] * count,
            "unreadable": None,
            "phash": [rng.bytes(32).hex() for _ in range(count)],
            "duplicate_of": None,
            "duplicate_kind": None,
            "width": rng.integers(900, 3000, count),
            "height": rng.integers(900, 3000, count),
            "std": rng.normal(50, 5, count),
            "mean": rng.normal(120, 10, count),
            "entropy": rng.normal(7, 0.3, count),
            "inversion": rng.normal(-8, 1, count),
            "border": rng.uniform(0, 0.2, count),
            "saturated": rng.uniform(0, 0.2, count),
            "aspect": rng.uniform(0.8, 1.3, count),
        }
    )
    rows["split"] = [assign_split(patient, shares) for patient in rows["patient_id"]]
    rows = rows.astype(
        dict.fromkeys(["label", "view", "finding", "unreadable", "duplicate_of", "duplicate_kind"], object)
    )
    for way, (column, value) in enumerate(BAD.items()):
        rows.loc[way * 50 :: 50 * len(BAD), column] = value
        rows.loc[way * 50 :: 200 * len(BAD), "saturated"] = 0.9
    return rows


def ask_suites(count: int) -> tuple[float, int]:
    """Seconds of all suites on a batch, the import of Great Expectations included, and how many images they refuse."""
    rows = draw_records(count)
    accepted = draw_records(count)[["source", "label", "age"]].dropna(subset=["label"])
    started = time.perf_counter()
    from expectations.running import check_duplicates, check_images, judge_batch

    checked = [check_images(rows), check_duplicates(rows)]
    validation = judge_batch(rows, checked, accepted)
    seconds = time.perf_counter() - started
    assert all(result.evaluated for result in validation.results)  # noqa: S101
    return seconds, len(validation.refusals)


def ask_snapshot(count: int) -> tuple[float, int]:
    """Seconds of the suite of a snapshot, its search for near duplicates included, and how many rules failed."""
    rows = draw_records(count)
    rows = rows[rows["label"].notna()].reset_index(drop=True)
    started = time.perf_counter()
    from expectations.snapshot import check_snapshot

    results = check_snapshot(rows, ("covid", "normal", "pneumonia"))
    seconds = time.perf_counter() - started
    assert all(result.evaluated for result in results)  # noqa: S101
    return seconds, sum(not result.passed for result in results)


def measure(step: Callable[[int], tuple[float, int]], count: int) -> tuple[float, int, float]:
    """What a step gives, and the most memory its process took, in MB."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, step, count).result()


def _measured(step: Callable[[int], tuple[float, int]], count: int) -> tuple[float, int, float]:
    seconds, found = step(count)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return seconds, found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main() -> None:
    """Measure, print, and end with JSON."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    floor, _, floor_peak = measure(ask_suites, 10)
    suites, refused, suites_peak = measure(ask_suites, count)
    snapshot, broken, snapshot_peak = measure(ask_snapshot, count)
    print(f"floor     {floor:7.2f} s {floor_peak:7.0f} MB")
    print(f"suites    {suites:7.2f} s {suites_peak:7.0f} MB, {refused} of {count} records refused")
    print(f"snapshot  {snapshot:7.2f} s {snapshot_peak:7.0f} MB, {broken} rules broken")
    figures = {
        "floor_seconds": round(floor, 3),
        "suites_100k_seconds": round(suites, 3),
        "snapshot_100k_seconds": round(snapshot, 3),
        "refused": refused,
        "peak_mb": round(max(suites_peak, snapshot_peak)),
    }
    print(json.dumps({"records": count, **figures}))


if __name__ == "__main__":
    main()
