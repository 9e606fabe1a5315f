"""A small form of the measurement behind the table of `docs/results.md`."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench import drift_power
from bench.drift_images import match_histogram
from bench.drift_power import HEADING, draw_doubled, draw_places, draw_unseen, write_section
from tests.xray_model.evaluation.drift.frames import draw_frame

POOL = draw_frame(300, 11)
SIZES = {
    "--patients": 150,
    "--side": 128,
    "--images": 60,
    "--batches": 1,
    "--calm": 2,
    "--permutations": 200,
    "--processes": 1,
}


def test_planted_shifts_are_found_and_calm_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """On drawn X-rays what is planted in the pictures is found, and batches like the reference are not."""
    kept = tmp_path / "results.md"
    sizes = [str(part) for size in SIZES.items() for part in size]
    monkeypatch.setattr("sys.argv", ["drift_power.py", "--phantoms", *sizes, "--write", str(kept)])
    drift_power.main()
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["calm_alarms"] == 0
    planted = {name: said["found"][name] for name in list(said["found"])[:4]}
    assert planted == dict.fromkeys(planted, 1.0)
    assert kept.read_text().count(HEADING) == 1
    assert "| half inverted | 1 |" in kept.read_text()


def test_a_doubled_share_is_twice_that_of_its_reference() -> None:
    """The class is twice as frequent in the batch as in the reference, and no patient is in both."""
    batch, reference = draw_doubled(POOL, "covid", 100, False, np.random.default_rng(0))
    assert len(batch) == 100
    assert not set(batch["patient_id"]) & set(reference["patient_id"])
    share = [(frame["label"] == "covid").mean() for frame in (batch, reference)]
    assert share[0] / share[1] == pytest.approx(2, rel=0.15)


def test_an_unseen_class_is_in_the_batch_alone() -> None:
    """The reference holds no image of the class, and where findings are hidden the batch does not say it does."""
    batch, reference = draw_unseen(POOL, "covid", 100, False, np.random.default_rng(0))
    assert (batch["label"] == "covid").any()
    assert not (reference["label"] == "covid").any()
    assert "label" not in draw_unseen(POOL, "covid", 100, True, np.random.default_rng(0))[0]


def test_batches_hold_whole_patients() -> None:
    """Images of one patient are drawn together, but for the last."""
    drawn = POOL["patient_id"].iloc[draw_places(POOL, 50, np.random.default_rng(1))]
    assert len(drawn) == 50
    whole = drawn.value_counts().eq(POOL["patient_id"].value_counts().loc[drawn.unique()])
    assert (~whole).sum() <= 1


def test_a_matched_histogram_is_the_wanted_one() -> None:
    """Gray levels become as frequent as asked for, in their order."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (200, 200)).astype(np.uint8)
    wanted = np.bincount(np.arange(100, 150), minlength=256) / 50
    matched = match_histogram(picture, wanted)
    assert np.bincount(matched.ravel(), minlength=256) / matched.size == pytest.approx(wanted, abs=0.012)
    assert matched[picture == 250].min() >= matched[picture == 10].max()


def test_the_section_is_replaced_and_the_rest_is_kept(tmp_path: Path) -> None:
    """Written twice, the section stands once, between what was before and after it."""
    path = tmp_path / "results.md"
    path.write_text(f"# Results\n\nfirst\n\n{HEADING}\n\nold\n\n## Others\n\nlast\n")
    for _ in range(2):
        write_section(path, f"{HEADING}\n\nnew\n")
    assert path.read_text() == f"# Results\n\nfirst\n\n{HEADING}\n\nnew\n\n## Others\n\nlast\n"
