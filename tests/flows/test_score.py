"""Scoring: every image below a folder or prefix has its row, once, whatever happens on the way."""

import io
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from prefect.client.orchestration import get_client

from flows.running import run_flow
from flows.score import score
from storage.objects import Objects, open_objects
from storage.registry import Registry
from storage.scoring.parts import PREFIX
from storage.scoring_log import load_scores
from storage.settings import LOCAL_DASK
from storage.store import Store
from tests.flows.killing import kill_in_the_middle
from tests.scoring import CLASSES, hostile_files, picture, serve_model, write_files
from xray_model.config import ScoreOptions
from xray_model.errors import InvalidInput
from xray_model.evaluation.strangeness import UNCHECKED

pytestmark = pytest.mark.usefixtures("prefect_server")

SOUND = {f"ward/Jane-{n:02d}.png": picture(n) for n in range(7)}

IMAGES = 24
"""Of the run that is killed."""


@pytest.fixture
def version(store: Store, registry: Registry, tmp_path: Path) -> int:
    """A small model in service, and its version."""
    return serve_model(store.objects, registry, tmp_path)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with sound images, others that cannot be read, links, and other files."""
    folder = tmp_path / "images"
    write_files(folder, {**SOUND, **hostile_files(), "notes.txt": b"hello"})
    secret = tmp_path / "elsewhere"
    write_files(secret, {"secret.png": picture(99)})
    (folder / "link.png").symlink_to(secret / "secret.png")
    (folder / "linked").symlink_to(secret)
    return folder


def options(images: Path | str, out: Path | str, **more: object) -> ScoreOptions:
    """A scoring in small shards."""
    return ScoreOptions.model_validate({"images": str(images), "out": str(out), "shard_size": 3, "workers": 2, **more})


def log(store: Store) -> pd.DataFrame:
    """What the log of predictions holds of these days."""
    today = datetime.now(UTC).date()
    return load_scores(store.objects, today - timedelta(days=1), today + timedelta(days=1))


def test_every_image_has_a_row(store: Store, version: int, images: Path, tmp_path: Path) -> None:
    """Sound images have an answer and the others a reason; links are not followed, other files are counted."""
    outcome = run_flow(score, options(images, out := tmp_path / "table.parquet"))
    table = pq.read_table(out).to_pandas().set_index("path")
    assert sorted(table.index) == sorted({**SOUND, **hostile_files()})
    sound, bad = table.loc[[*SOUND]], table.loc[[*hostile_files()]]
    assert sound["refused"].isna().all()
    assert sound["label"].isin(CLASSES).all()
    assert sound[[f"p_{name}" for name in CLASSES]].sum(axis=1).round(5).eq(1).all()
    assert bad["refused"].str.len().gt(10).all()
    assert bad["label"].isna().all()
    assert set(table["version"]) == {version}
    assert (outcome.images, outcome.answered_now, sum(outcome.labels.values())) == (11, 11, 7)
    assert sum(outcome.refused.values()) == 4
    assert outcome.passed_over == {"document": 1, "link": 2}
    assert outcome.unchecked == UNCHECKED
    assert pq.read_schema(out).metadata[b"notice"].endswith(b"Not for diagnostic use.")


def test_strange_names_and_what_is_no_file(version: int, tmp_path: Path) -> None:
    """Names that are not UTF-8 are answered and spelled in the table; a pipe is counted, and nobody waits for it."""
    folder = tmp_path / os.fsdecode(b"W\xe4rd")
    write_files(folder, {os.fsdecode(b"J\xfcrgen/1.png"): picture(1)})
    os.mkfifo(folder / "pipe.png")
    outcome = run_flow(score, options(folder.as_uri(), out := tmp_path / "table.parquet"))
    assert pq.read_table(out).to_pandas()["path"].to_list() == [r"J\xfcrgen/1.png"]
    assert (outcome.images, outcome.passed_over) == (1, {"named pipe": 1})
    assert outcome.model.version == version


def test_a_second_run_answers_nothing_and_logs_nothing(
    store: Store, version: int, images: Path, tmp_path: Path
) -> None:
    """Its table is the same, the log has each answer once, and a file that changed makes all shards new."""
    outs = [tmp_path / f"{n}.parquet" for n in range(3)]
    first = run_flow(score, options(images, outs[0], log=False))
    assert log(store).empty
    second = run_flow(score, options(images, outs[1]))
    assert run_flow(score, options(images, outs[1])) == second
    assert (first.answered_now, second.answered_now) == (11, 0)
    assert outs[0].read_bytes() == outs[1].read_bytes()
    logged = log(store)
    assert sorted(logged["image_id"]) == sorted(pq.read_table(outs[0]).to_pandas().dropna(subset="label")["image_id"])
    assert set(logged["route"]) == {"batch"}
    assert logged["mean"].notna().all()
    (images / "ward" / "Jane-00.png").write_bytes(picture(50))
    assert run_flow(score, options(images, outs[2])).answered_now == 11


@pytest.mark.usefixtures("version")
def test_a_killed_run_goes_on(store: Store, tmp_path: Path) -> None:
    """After SIGKILL in the middle the next run answers only what is missing, and its table is an undisturbed run's."""
    images, out = tmp_path / "many", tmp_path / "table.parquet"
    write_files(images, {f"{n:02d}.png": picture(n) for n in range(IMAGES)})
    asked = options(images, out, shard_size=1)
    kill_in_the_middle("score", asked, lambda: parts(store.objects))
    there = parts(store.objects)
    assert 0 < len(there) < IMAGES
    assert not out.exists()
    outcome = run_flow(score, asked)
    assert outcome.answered_now == IMAGES - len(there)
    assert there.items() <= parts(store.objects).items()
    went_on = out.read_bytes()
    assert len(log(store)) == IMAGES
    for key in parts(store.objects):
        store.objects.delete(key)
    assert run_flow(score, asked).answered_now == IMAGES
    assert out.read_bytes() == went_on


@pytest.mark.service
@pytest.mark.usefixtures("version")
def test_a_prefix_of_a_bucket(images: Path, tmp_path: Path, new_bucket_url: Callable[[], str]) -> None:
    """The same images in a bucket have the same answers, and the table goes there too."""
    bucket, out = open_objects(new_bucket_url()), tmp_path / "here.parquet"
    for name, data in {**SOUND, **hostile_files(), "notes.txt": b"hello"}.items():
        bucket.put(f"images/{name}", data)
    there = run_flow(score, options(f"{bucket.url}/images", f"{bucket.url}/out/there.parquet"))
    assert there.images == 11
    run_flow(score, options(images, out))
    bucket.get_file("out/there.parquet", tmp_path / "there.parquet")
    assert (tmp_path / "there.parquet").read_bytes() == out.read_bytes()


@pytest.mark.slow
@pytest.mark.usefixtures("version")
def test_dask_comes_to_the_same(store: Store, images: Path, tmp_path: Path) -> None:
    """Processes of a local cluster leave the same table as threads."""
    run_flow(score, options(images, tmp_path / "here.parquet"))
    for key in parts(store.objects):
        store.objects.delete(key)
    assert run_flow(score, options(images, tmp_path / "dask.parquet", dask=LOCAL_DASK)).answered_now == 11
    assert (tmp_path / "dask.parquet").read_bytes() == (tmp_path / "here.parquet").read_bytes()


@pytest.mark.usefixtures("version")
def test_no_file_s_name_is_kept(store: Store, images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Names of images stand in no object of the store, no log line, and nothing that Prefect was told."""
    caplog.set_level(logging.DEBUG)
    run_flow(score, options(images, tmp_path / "table.parquet"))
    kept = [pd.read_parquet(io.BytesIO(data)).to_csv() for data in parts(store.objects).values()]
    keys = [info.key for info in store.objects.list()]
    with get_client(sync_client=True) as client:
        told = [*client.read_task_runs(), *client.read_flow_runs(), *client.read_logs()]
    everything = "\n".join([*map(str, told), *(record.getMessage() for record in caplog.records), *kept, *keys])
    assert "plan-scoring" in everything
    for name in ("Jane", "no-dicom", "cut.png", "secret"):
        assert name not in everything


@pytest.mark.parametrize(
    ("place", "out", "message"),
    [
        ("nowhere", "table.parquet", "no folder of this machine"),
        ("file.png", "table.parquet", "`xray predict` answers single images"),
        ("empty", "table.parquet", r"no image below .*found: 1 x document, 1 x link"),
        ("empty", "table.csv", r"does not end in \.parquet"),
        ("empty", "nowhere/table.parquet", "cannot be written"),
    ],
)
@pytest.mark.usefixtures("version")
def test_what_cannot_be_scored_is_said_first(tmp_path: Path, place: str, out: str, message: str) -> None:
    """No folder, no image or no place for the table: one sentence, and nothing is answered."""
    write_files(tmp_path, {"file.png": picture(1), "empty/readme.txt": b""})
    (tmp_path / "empty" / "a.png").symlink_to(tmp_path / "file.png")
    with pytest.raises(InvalidInput, match=message):
        run_flow(score, options(tmp_path / place, tmp_path / out))


@pytest.mark.usefixtures("store", "registry")
def test_without_a_model_nothing_is_answered(images: Path, tmp_path: Path) -> None:
    """Where no model is in service, the reason says where one comes from."""
    with pytest.raises(InvalidInput, match="no model is in service: `xray nightly` trains one"):
        run_flow(score, options(images, tmp_path / "table.parquet"))


def parts(objects: Objects) -> dict[str, bytes]:
    """The parts of all scorings, byte for byte."""
    keys = [info.key for info in objects.list(PREFIX) if info.key.endswith(".parquet")]
    return {key: data for key, data in objects.get_many(keys) if isinstance(data, bytes)}
