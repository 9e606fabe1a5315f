"""A whole ingest on a real S3 server behind a bad network: it ends as one behind a good network does."""

import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from storage import catalog
from storage.settings import Settings
from storage.store import open_store
from tests.flows.driving import IngestProcess, lasting_contents
from tests.flows.landing import draw_batches, push_batches
from tests.servers.faulty_proxy import Fault, Trouble, faulty_proxy
from xray_model.config import IngestOptions
from xray_model.outcomes import BatchOutcome, BatchStatus

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.service]

OPTIONS = IngestOptions(shard_size=8)
FAULTS = (Fault.SLOW_DOWN, Fault.RESET, Fault.LOST_ANSWER, Fault.TRUNCATED, Fault.STALL)


@pytest.mark.parametrize(
    ("patients", "stall_seconds", "least_faults"),
    [
        pytest.param(12, 0.2, 12, id="small"),
        pytest.param(60, 5.0, 60, id="full", marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
def test_faults_on_a_tenth_of_all_calls_change_nothing(
    home: Path,
    tmp_path: Path,
    s3_settings: dict[str, str],
    new_bucket_url: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    patients: int,
    stall_seconds: float,
    least_faults: int,
) -> None:
    """With 503, resets, lost answers, cut bodies and stalls on a tenth of the calls no byte differs, none is lost."""
    images = draw_batches(tmp_path / "drawn", patients)
    monkeypatch.setenv("XRAY_STORE", new_bucket_url())
    push_batches(tmp_path / "drawn")
    undisturbed, seconds = timed_ingest()
    expected = lasting_contents(open_store(Settings()).objects)

    monkeypatch.setenv("XRAY_STORE", new_bucket_url())
    push_batches(tmp_path / "drawn")
    trouble = Trouble(FAULTS, share=0.1, stall_seconds=stall_seconds)
    with monkeypatch.context() as patch, faulty_proxy(s3_settings["AWS_ENDPOINT_URL_S3"], trouble) as proxy:
        patch.setenv("AWS_ENDPOINT_URL_S3", proxy)
        disturbed, longer = timed_ingest()
    faults = sum(trouble.happened.values())
    by_kind = ", ".join(f"{fault.name} {trouble.happened[fault]}" for fault in FAULTS)
    print(
        f"\n{images} images, undisturbed {seconds:.1f} s; {faults} faults on {trouble.requests} calls "
        f"({faults / trouble.requests:.1%}: {by_kind}), {longer:.1f} s"
    )
    store = open_store(Settings()).objects
    found = lasting_contents(store)
    assert faults >= least_faults
    assert all(trouble.happened[fault] for fault in FAULTS)
    assert disturbed == undisturbed
    assert {batch.status for batch in disturbed} <= {BatchStatus.ACCEPTED, BatchStatus.HELD}
    assert sorted(found) == sorted(expected)
    assert [key for key in expected if found[key] != expected[key]] == []
    assert list(store.list("staging/")) == []
    rows = catalog.load_rows(store, ["key", "image_id", "status"])
    assert len(rows) == rows["key"].nunique() == images
    assert not rows["image_id"].isna().any()


@pytest.mark.slow
def test_an_image_that_never_arrives_is_not_taken_for_a_broken_one(
    home: Path,
    tmp_path: Path,
    s3_settings: dict[str, str],
    new_bucket_url: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its batch fails without a row in the catalog, the others go in, and the next run ends as one without trouble."""
    draw_batches(tmp_path / "drawn", patients=24)
    monkeypatch.setenv("XRAY_STORE", new_bucket_url())
    push_batches(tmp_path / "drawn")
    store = open_store(Settings()).objects
    lost = next(info.key for info in store.list("incoming/tree/") if info.key.endswith(".png"))
    trouble = Trouble([Fault.TRUNCATED], at_most=10_000, only=lost)
    with monkeypatch.context() as patch, faulty_proxy(s3_settings["AWS_ENDPOINT_URL_S3"], trouble) as proxy:
        patch.setenv("AWS_ENDPOINT_URL_S3", proxy)
        told, seconds = timed_ingest()
    print(f"\n{trouble.happened[Fault.TRUNCATED]} cut bodies of one image in {seconds:.1f} s")
    status = {batch.source: batch.status for batch in told}
    others = dict.fromkeys(("folders", "packed", "zipped"), BatchStatus.ACCEPTED)
    assert status == {"tree": BatchStatus.FAILED, **others}
    assert set(catalog.load_rows(store, ["source"])["source"]) == set(others)
    assert "sub-" not in "".join(reason for batch in told for reason in batch.reasons)

    (again,), _ = timed_ingest()
    assert (again.source, again.status) == ("tree", BatchStatus.ACCEPTED)
    monkeypatch.setenv("XRAY_STORE", new_bucket_url())
    push_batches(tmp_path / "drawn")
    timed_ingest()
    plain = open_store(Settings()).objects
    found, expected = lasting_contents(store), lasting_contents(plain)
    assert sorted(found) == sorted(expected)
    assert [key for key in expected if key.startswith("shards/") and found[key] != expected[key]] == []
    # Its batch was committed after one that stands before it otherwise, and each names those it was compared with.
    rows, expected_rows = (catalog.load_rows(objects, catalog.SCHEMA.names) for objects in (store, plain))
    pd.testing.assert_frame_equal(rows, expected_rows)


def timed_ingest() -> tuple[tuple[BatchOutcome, ...], float]:
    """One ingest of the store that the environment names, and its seconds."""
    process = IngestProcess(OPTIONS)  # a process of its own, because one process opens a store and its endpoint once
    began = time.monotonic()
    return process.result(), time.monotonic() - began
