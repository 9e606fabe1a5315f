"""A steward decides in a real browser, and the next night trains on exactly that."""

from pathlib import Path

import pytest

from apps.push import push_batch
from flows.ingest import ingest
from flows.nightly import nightly
from flows.running import run_flow
from storage import catalog
from storage.decisions import load_rows_now
from storage.settings import Settings
from storage.snapshots import load_snapshot
from storage.store import Store
from tests.service.visits import Visit
from xray_model.config import (
    GatePolicy,
    IngestOptions,
    NightlyOptions,
    RetrainOptions,
    SnapshotOptions,
    TrainingOptions,
)
from xray_model.data.phantoms import BrokenKind, CohortOptions, write_bimcv, write_broken_files
from xray_model.outcomes import NightOutcome

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("prefect_server")]

OPTIONS = NightlyOptions(
    ingest=IngestOptions(shard_size=32),
    retrain=RetrainOptions(
        snapshot=SnapshotOptions(classes=("covid", "normal")),
        training=TrainingOptions(epochs=1, input_side=64),
        gate=GatePolicy(
            floor=0.0,
            recall_floor=0.0,
            skill_confidence=0.0,
            minimum_patients=1,
            draws=100,
            # After one epoch it knows next to nothing; what it was trained on is what counts here.
            waivers=dict.fromkeys(("calibration", "lungs-hidden", "lungs-alone", "metadata-alone"), "one epoch"),
        ),
    ),
)


def draw(folder: Path, seed: int, patients: int) -> Path:
    """A drawn BIMCV batch of patients of its own."""
    sizes = {"smallest_side": 260, "largest_side": 300, "lateral_share": 0.0}
    shares = {"covid": 1.0, "normal": 1.0}
    options = CohortOptions(patients=patients, shares=shares, seed=seed, first_patient=1000 * seed, **sizes)
    write_bimcv(folder, options, workers=2)
    return folder


def send_batches(folder: Path) -> str:
    """Send and read a sound batch and one of which a third looks inverted; gives the id of that, which is held."""
    push_batch(draw(folder / "sound", 1, 32), "bimcv", "sound")
    wrong = draw(folder / "wrong", 2, 12)
    write_broken_files(wrong, seed=5, kinds=[BrokenKind.INVERTED], each=len(list(wrong.rglob("*.png"))) // 3)
    write_broken_files(wrong, seed=6, kinds=[BrokenKind.BLACK])
    push_batch(wrong, "bimcv", "wrong")
    outcomes: dict[str, str] = {one.name: one.batch_id for one in run_flow(ingest, OPTIONS.ingest)}
    return outcomes["wrong"]


def decide_in_browser(visit: Visit) -> str:
    """Sign in, look, release the one image looked at and reject all others; gives the released image's id."""
    tab = visit.tab
    visit.open("/")
    assert tab.address == f"{visit.origin}/sign-in"
    visit.fill_in(name="Ada", token="not it")  # noqa: S106
    tab.follow("form button")
    assert "Name and token do not belong together." in tab.text()
    visit.fill_in(token=visit.token)
    tab.follow("form button")
    assert tab.text("h1") == "One batch waits for you"

    tab.follow(".row .button")
    assert tab.text("h1").startswith("wrong is held: more than 5% of its images look inverted")
    everything = tab.count(".desk-form .gallery figure")
    tab.follow(".toc a[href*='looks+inverted']")
    inverted = tab.count(".desk-form .gallery figure")
    assert 1 < inverted < everything

    tab.follow(".desk-form .gallery figure:nth-child(2) a")
    assert tab.text("h1") == "Refused: it looks inverted"
    image = tab.address.partition("/images/")[2].partition("?")[0]
    assert tab.evaluate("document.querySelector('.stage img').naturalWidth") == Settings().side
    tab.click(".for-inverted")
    tab.click(".for-zoom")
    style = "getComputedStyle(document.querySelector('.stage img'))"
    assert tab.evaluate(f"[{style}.filter, parseInt({style}.width) > 2 * innerHeight * .6]") == ["invert(1)", True]
    tab.follow(".turn a[accesskey=b]")

    tab.click(f"input[value='{image}']")
    visit.fill_in(why="inverted by the viewer, not by the scanner")
    tab.follow("button[value=release]")
    assert "Recorded: you released 1 image." in tab.text()
    for status in ("quarantined", "held"):
        tab.follow(f".counts a[href$='?status={status}#images']")
        tab.click("input[value=list]")
        visit.fill_in(why="the scanner is set up wrongly")
        tab.follow("button[value=reject]")
    assert tab.text("h1").startswith("wrong is decided: 1 accepted")
    assert tab.count("#decide") == 0
    tab.follow("nav[aria-label=Console] a[href='/']")
    assert tab.text("h1") == "Nothing waits for you"
    tab.follow(".who button")
    visit.open("/")
    assert tab.address == f"{visit.origin}/sign-in"
    return image


def test_the_night_trains_on_exactly_what_was_released(visit: Visit, store: Store, tmp_path: Path) -> None:
    """One image of a held batch is released in the browser and the others rejected: the next model saw that one."""
    wrong = send_batches(tmp_path)
    released = decide_in_browser(visit)
    assert visit.asked_elsewhere() == []
    complaints = [one for one in visit.tab.complaints if "status of 403" not in one]  # the wrong token
    assert complaints == []
    statuses = load_rows_now(store.objects, ["image_id", "status"], [wrong]).set_index("image_id")["status"]
    assert statuses.pop(released) == "accepted"
    assert set(statuses) == {"rejected"}

    night: NightOutcome = run_flow(nightly, OPTIONS)
    assert night.retrain.training is not None
    assert night.champion is not None
    trained = load_snapshot(store.objects, night.champion.snapshot_id)
    rows = catalog.load_rows(store.objects, ["image_id", "batch_id"])
    sound = rows["image_id"][rows["batch_id"] != wrong]
    assert set(trained["image_id"]) == {*sound, released}
    assert sum(night.retrain.training.counts_before.values()) == (trained["split"] == "train").sum()
