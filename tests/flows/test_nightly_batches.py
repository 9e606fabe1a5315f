"""What a night takes in: archives, late files and tables, batches sent again, and ingests that were cut off."""

import shutil
import tarfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from apps.push import push_batch
from flows.ingest import ingest
from flows.running import run_flow
from storage import catalog, staging
from storage.incoming import list_ready
from storage.settings import Settings
from storage.store import open_store
from tests.flows.nights import INGEST_ONLY, OPTIONS, run
from xray_model.data.phantoms import BrokenKind, pack_bimcv, write_broken_files
from xray_model.outcomes import BatchStatus

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_what_is_broken_is_named_and_the_rest_goes_on(home: Path, cohort: Path, tmp_path: Path) -> None:
    """Every kind of broken file, an unknown layout and an empty batch: each with its reason, none stops the night."""
    shutil.copytree(cohort, tmp_path / "broken")
    planted = write_broken_files(tmp_path / "broken", seed=3)
    push_batch(tmp_path / "broken", "bimcv", "broken")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to whom it may concern.txt").write_text("Dear colleague")
    push_batch(tmp_path / "letters", "clinic", "letters")
    store = open_store(Settings())
    store.objects.put("incoming/clinic/nothing/_READY", b"")

    night = run()
    status = {batch.name: batch.status for batch in night.batches}
    assert status == {"broken": BatchStatus.ACCEPTED, "letters": BatchStatus.REFUSED, "nothing": BatchStatus.REFUSED}
    assert all(batch.reasons for batch in night.batches if batch.status is BatchStatus.REFUSED)
    assert night.needs_person
    rows = catalog.load_rows(store.objects, ["key", "status", "reasons"]).set_index("key")
    for name, kind in planted.items():
        row = rows.loc[f"incoming/bimcv/broken/{name}"]
        sidecar_only = kind in {BrokenKind.BAD_SIDECAR, BrokenKind.NO_SIDECAR}
        assert sidecar_only or row["status"] == "quarantined", (kind, row["reasons"])
    pages = [info.key for info in store.objects.list("reports/batches/")]
    assert any("letters" in page for page in pages)
    assert any("nothing" in page for page in pages)


def test_archives_equal_loose_files(home: Path, cohort: Path, tmp_path: Path) -> None:
    """The same images packed as BIMCV ships them give the same image ids, labels and splits as loose files."""
    push_batch(cohort, "bimcv", "loose")
    shutil.copytree(cohort, tmp_path / "packed")
    pack_bimcv(tmp_path / "packed")
    push_batch(tmp_path / "packed", "other", "packed")
    assert all(tarfile.is_tarfile(path) for path in (tmp_path / "packed").iterdir())
    run(INGEST_ONLY)
    store = open_store(Settings())
    columns = ["image_id", "source", "label", "patient_id", "split", "age", "sex", "view"]
    rows = catalog.load_rows(store.objects, columns).sort_values("image_id")
    loose = rows[rows["source"] == "bimcv"].drop(columns="source").reset_index(drop=True)
    packed = rows[rows["source"] == "other"].drop(columns="source").reset_index(drop=True)
    assert len(loose) > 60
    assert loose.equals(packed)


def test_late_files_make_a_revision_with_only_what_is_new(home: Path, cohort: Path, tmp_path: Path) -> None:
    """Files that arrive after a batch was committed come in by a revision of their own, the rest is not read again."""
    names = sorted(path for path in cohort.rglob("*") if path.is_file())
    late = [name for name in names if name.suffix == ".png"][-5:]
    shutil.copytree(cohort, tmp_path / "part")
    for name in late:
        (tmp_path / "part" / name.relative_to(cohort)).unlink()
    push_batch(tmp_path / "part", "bimcv", "first")
    (first,) = run(INGEST_ONLY).batches
    store = open_store(Settings())
    for name in late:
        store.objects.put(f"incoming/bimcv/first/{name.relative_to(cohort).as_posix()}", name.read_bytes())
    (second,) = run(INGEST_ONLY).batches
    assert second.read == 5
    assert first.read + second.read == len(list(cohort.rglob("*.png")))
    assert second.batch_id != first.batch_id


def test_two_ingests_at_once_end_as_one(home: Path, cohort: Path, tmp_path: Path) -> None:
    """Two runs that read the same batch at the same time leave the catalog of one, and both tell the same."""
    push_batch(cohort, "bimcv", "first")
    store = open_store(Settings())
    alone = [batch.batch_id for batch in list_ready(store.objects, timedelta(0))]
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: run_flow(ingest, OPTIONS.ingest), range(2)))
    assert catalog.batch_ids(store.objects) == alone
    told = [batch for outcome in outcomes for batch in outcome]
    assert {batch.status for batch in told} == {BatchStatus.ACCEPTED}
    assert len({batch.model_dump_json() for batch in told}) == 1
    rows = catalog.load_rows(store.objects, ["image_id", "status"])
    assert len(rows) == rows["image_id"].nunique() == len(list(cohort.rglob("*.png")))
    assert list(store.objects.list("staging/")) == []


def test_interrupted_ingest_goes_on_where_it_stopped(home: Path, cohort: Path) -> None:
    """Shards decoded before a crash are not decoded again, and the rows are those of an undisturbed run."""
    push_batch(cohort, "bimcv", "first")
    store = open_store(Settings())
    (batch,) = list_ready(store.objects, timedelta(0))
    staging.stage_objects(store.objects, batch)
    plan = staging.stage_batch(store, batch, None, 32)
    known = staging.load_comparable(store, batch).rows
    whole = [staging.decode_shard(store, plan, shard) for shard in range(plan.shards)]
    rows = staging.assemble_rows(store, batch, plan, known)
    store.objects.delete(f"staging/{plan.batch_id}/facts/0001.parquet")  # as if killed before this shard was done
    again = [staging.decode_shard(store, plan, shard) for shard in range(plan.shards)]
    assert sum(whole) == plan.images
    assert again == [0, whole[1], *[0] * (plan.shards - 2)]
    pd.testing.assert_frame_equal(staging.assemble_rows(store, batch, plan, known), rows)


def test_tables_that_come_late_bring_their_images_in(home: Path, cohort: Path, tmp_path: Path) -> None:
    """Images that were refused for want of a table are read again when the table arrives, and the hold ends."""
    tables = [path for path in cohort.rglob("*.tsv") if "labels" in path.name]
    shutil.copytree(cohort, tmp_path / "bare")
    for table in tables:
        (tmp_path / "bare" / table.relative_to(cohort)).unlink()
    push_batch(tmp_path / "bare", "bimcv", "first")
    (first,) = run(INGEST_ONLY).batches
    assert (first.status, first.accepted) == (BatchStatus.HELD, 0)
    push_batch(cohort, "bimcv", "first")
    (second,) = run(INGEST_ONLY).batches
    assert (second.status, second.accepted) == (BatchStatus.ACCEPTED, first.read)


def test_sending_a_batch_again_changes_nothing(home: Path, cohort: Path) -> None:
    """The same files pushed once more are recognised by their bytes: no duplicate, no hold, no row."""
    push_batch(cohort, "bimcv", "first")
    (first,) = run(INGEST_ONLY).batches
    push_batch(cohort, "bimcv", "first")
    (again,) = run(INGEST_ONLY).batches
    assert (again.status, again.read, again.quarantined) == (BatchStatus.ACCEPTED, 0, 0)
    store = open_store(Settings())
    assert len(catalog.load_rows(store.objects, ["image_id"], statuses=("accepted",))) == first.accepted


def test_held_batch_can_be_sent_again_corrected(home: Path, cohort: Path, tmp_path: Path) -> None:
    """A corrected batch under a new name, as the page advises, is accepted though most of its files are the same."""
    shutil.copytree(cohort, tmp_path / "wrong")
    images = len(list(cohort.rglob("*.png")))
    write_broken_files(tmp_path / "wrong", seed=5, kinds=[BrokenKind.INVERTED], each=images // 5)
    push_batch(tmp_path / "wrong", "bimcv", "wrong")
    (held,) = run(INGEST_ONLY).batches
    assert held.status is BatchStatus.HELD
    push_batch(cohort, "bimcv", "wrong-corrected")
    (corrected,) = run(INGEST_ONLY).batches
    assert (corrected.status, corrected.accepted) == (BatchStatus.ACCEPTED, images)


def test_batch_that_no_page_tells_of_is_told_the_next_night(home: Path, cohort: Path) -> None:
    """A run that dies between commit and report loses no news: the next night reports what it committed."""
    push_batch(cohort, "bimcv", "first")
    committed = run_flow(ingest, OPTIONS.ingest)
    night = run(INGEST_ONLY)
    assert night.batches == committed
    assert run(INGEST_ONLY).batches == ()
