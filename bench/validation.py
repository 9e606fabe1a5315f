"""What the suites of Great Expectations cost on a batch of many records.

`python bench/validation.py [records]` draws a batch in which 2 % of the images are bad in one of several ways, and a
catalog as large to compare it with, and measures each step in a process of its own. It prints the floor (Great
Expectations imported and asked of ten records), the suites of a batch with every failing row and its reasons, and the
suite of a snapshot, and the console's page of a batch with 5,000 refused images among 20 other batches, asked of a real
console over HTTP with all its filters. Its last line is one JSON object: `records`, `floor_seconds`,
`suites_100k_seconds` (of so many records as were asked for, 100,000 unless told), `snapshot_100k_seconds`, `refused`,
`peak_mb` (the most memory that either took), `page_first_ms` (with nothing read yet), `page_p50_ms` and `page_p95_ms`.
"""

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from storage.catalog import commit_batch
from storage.decisions import record_decision
from storage.objects import open_objects
from xray_model.data.bounds import DEFAULTS
from xray_model.data.decisions import propose
from xray_model.data.splits import SplitShares, assign_split
from xray_model.outcomes import BatchOutcome, BatchStatus

RECORDS = 100_000
REFUSED, ACCEPTED, OTHERS, DECISIONS, ASKED = 5_000, 15_000, 20, 20, 200
"""Of the page: refused and accepted images of its batch, other batches, decisions on it, and how often it is asked."""
REASONS = ("looks inverted", "is a lateral view", "has no finding that the models here know", "is mostly border")
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

    checked = [check_images(rows, DEFAULTS), check_duplicates(rows)]
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


def fill_store(root: Path) -> str:
    """A catalog with the batch of the page, some decisions on it, and others; returns the batch's id."""
    objects = open_objects(root.as_uri())
    for place in range(OTHERS + 1):
        batch_id = f"hospital.batch-{place:02d}.{place:012x}"
        refused = REFUSED if place == OTHERS else 20
        rows = draw_records(refused + (ACCEPTED if place == OTHERS else 980))
        order = np.arange(len(rows))
        rows["status"] = np.where(order < refused, "quarantined", "accepted")
        rows["reasons"] = [[REASONS[one % len(REASONS)]] if one < refused else [] for one in order]
        rows["problems"] = [[]] * len(rows)
        rows["batch_id"], rows["shard"], rows["row"], rows["duplicate_kind"] = batch_id, order // 512, order % 512, None
        counts = {"read": len(rows), "accepted": len(rows) - refused, "quarantined": refused}
        outcome = BatchOutcome(
            batch_id=batch_id, source="hospital", name=f"batch-{place:02d}", status=BatchStatus.ACCEPTED, **counts
        )
        commit_batch(objects, rows, outcome)
    for place in range(DECISIONS):
        proposal = propose(
            batch_id=batch_id, action="reject", image_ids=[rows["image_id"][place]], who="bench", why="seen"
        )
        record_decision(objects, proposal)
    return batch_id


def ask_pages() -> list[float]:
    """Milliseconds of each answer of the console with the page of the batch, the first one with nothing read yet."""
    with tempfile.TemporaryDirectory() as folder:
        batch_id = fill_store(Path(folder, "store"))
        with serve_console(Path(folder)) as address:
            queries = ["", *(f"?status=quarantined&page={page}" for page in range(2, 90, 7))]
            queries += [f"?status=quarantined&reason={reason.replace(' ', '+')}" for reason in REASONS]
            queries += ["?status=accepted", "?status=accepted&page=200", "?status=quarantined&clue=view&value=PA"]
            seconds = []
            for place in range(ASKED + 1):
                started = time.perf_counter()
                with urllib.request.urlopen(f"{address}/batches/{batch_id}{queries[place % len(queries)]}") as page:  # noqa: S310
                    assert b"<figure" in page.read()  # noqa: S101
                seconds.append(1000 * (time.perf_counter() - started))
    return seconds


@contextmanager
def serve_console(home: Path) -> Iterator[str]:
    """A console on a free port of loopback; gives its address."""
    command = [sys.executable, "-c", "from apps.cli import main; main()", "console", "--port", "0"]
    environment = os.environ | {"XRAY_HOME": str(home), "XRAY_SALT": "bench", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(  # noqa: S603 - our own command
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        try:
            assert run.stdout is not None  # noqa: S101
            found = (re.search(r"http://\S+", line) for line in run.stdout)
            yield next(match[0] for match in found if match)
        finally:
            run.terminate()


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
    first, *pages = ask_pages()
    page_p50, page_p95 = np.percentile(pages, [50, 95])
    print(f"floor     {floor:7.2f} s {floor_peak:7.0f} MB")
    print(f"suites    {suites:7.2f} s {suites_peak:7.0f} MB, {refused} of {count} records refused")
    print(f"snapshot  {snapshot:7.2f} s {snapshot_peak:7.0f} MB, {broken} rules broken")
    print(f"page      p50 {page_p50:.0f} ms, p95 {page_p95:.0f} ms, the first {first:.0f} ms")
    figures = {
        "floor_seconds": round(floor, 3),
        "suites_100k_seconds": round(suites, 3),
        "snapshot_100k_seconds": round(snapshot, 3),
        "refused": refused,
        "peak_mb": round(max(suites_peak, snapshot_peak)),
        "page_first_ms": round(first),
        "page_p50_ms": round(page_p50),
        "page_p95_ms": round(page_p95),
    }
    print(json.dumps({"records": count, **figures}))


if __name__ == "__main__":
    main()
