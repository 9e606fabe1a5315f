"""One drawn X-ray: that it is one, and what view, finding and drift do to it."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest

from xray_model.data.phantoms import Exposure, draw_body, draw_chest
from xray_model.data.quality import measure_quality, perceptual_hashes, sketch_picture

Picture = npt.NDArray[np.float32]


def draw(
    seed: int,
    *,
    view: str = "PA",
    finding: str = "normal",
    severity: float = 0.5,
    drift: float = 0.0,
    side: int = 256,
) -> Picture:
    """One picture of body `seed`."""
    body = draw_body(np.random.default_rng([seed, 1]), "MF"[seed % 2], 30.0 + 7 * (seed % 8))
    return draw_chest(body, Exposure(view, finding, severity, drift), np.random.default_rng([seed, 2]), side)


def region(picture: Picture, rows: tuple[float, float], columns: tuple[float, float]) -> float:
    """Mean gray of a part of the picture, given in shares of its height and width."""
    height, width = picture.shape
    part = picture[int(height * rows[0]) : int(height * rows[1]), int(width * columns[0]) : int(width * columns[1])]
    return float(part.mean())


def to_gray(picture: Picture) -> npt.NDArray[np.uint8]:
    """The picture as 8-bit gray."""
    return np.rint(picture * 255).astype(np.uint8)


@pytest.mark.parametrize("view", ["PA", "AP", "L"])
@pytest.mark.parametrize("finding", ["normal", "covid", "pneumonia"])
def test_a_picture_is_float32_between_black_and_white(view: str, finding: str) -> None:
    """Every view and finding is drawn as float32 of 0 to 1 in about the size asked for."""
    picture = draw(3, view=view, finding=finding, side=300)
    assert picture.dtype == np.float32
    assert 0.0 <= picture.min() < picture.max() <= 1.0
    assert 290 <= (picture.shape[0] + picture.shape[1]) / 2 <= 315


def test_the_same_seed_draws_the_same_picture() -> None:
    """A picture follows from body, exposure and seed alone."""
    assert np.array_equal(draw(5, finding="covid"), draw(5, finding="covid"))


@pytest.mark.parametrize("seed", range(8))
def test_frontal_lungs_are_darker_than_heart_and_abdomen(seed: int) -> None:
    """In a healthy frontal view both lungs are dark, and midline and abdomen are bright."""
    picture = draw(seed)
    lungs = [region(picture, (0.3, 0.5), columns) for columns in ((0.2, 0.35), (0.68, 0.8))]
    assert max(lungs) + 0.2 < region(picture, (0.4, 0.6), (0.46, 0.54))
    assert max(lungs) + 0.2 < region(picture, (0.88, 0.96), (0.3, 0.7))


def test_the_heart_lies_on_the_patients_left() -> None:
    """Above the diaphragm the right half of the picture, which is the patient's left, is the brighter one."""
    left, right = (np.mean([region(draw(seed), (0.55, 0.68), part) for seed in range(10)]) for part in
                   ((0.32, 0.42), (0.58, 0.68)))  # fmt: skip
    assert right > left + 0.1


def test_a_lateral_view_is_another_picture() -> None:
    """A side view has no bright midline between two dark lungs."""
    frontal, lateral = (
        np.mean([region(draw(s, view=view), (0.35, 0.45), (0.46, 0.54)) for s in range(6)]) for view in ("PA", "L")
    )
    assert lateral < frontal - 0.2


@pytest.mark.parametrize("finding", ["covid", "pneumonia"])
def test_a_finding_whitens_the_lungs_the_more_the_worse_it_is(finding: str) -> None:
    """The mean gray of the lungs rises from healthy over slight to severe, over ten patients."""

    def gray(finding: str, severity: float) -> float:
        pictures = [draw(seed, finding=finding, severity=severity) for seed in range(10)]
        return float(np.mean([region(p, (0.3, 0.68), c) for p in pictures for c in ((0.15, 0.36), (0.66, 0.86))]))

    assert gray("normal", 0.0) < gray(finding, 0.1) < gray(finding, 0.9)


def test_ground_glass_is_bilateral_and_consolidation_is_not() -> None:
    """Severe covid whitens both lungs of a patient; severe pneumonia whitens one far more than the other."""

    def sides(finding: str) -> npt.NDArray[np.float64]:
        change = []
        for seed in range(10):
            sick, well = draw(seed, finding=finding, severity=0.8), draw(seed)
            change.append([region(sick, (0.2, 0.7), c) - region(well, (0.2, 0.7), c) for c in ((0.1, 0.4), (0.6, 0.9))])
        return np.array(change)

    def unevenness(change: npt.NDArray[np.float64]) -> float:
        return float(np.mean(np.abs(change[:, 0] - change[:, 1]) / np.abs(change).sum(axis=1)))

    assert unevenness(sides("covid")) < unevenness(sides("pneumonia"))


def quality(picture: npt.NDArray[np.float32]) -> SimpleNamespace:
    """The figures of one drawing."""
    figures = measure_quality([sketch_picture(to_gray(picture))])
    return SimpleNamespace(**{name: column[0] for name, column in figures.items()})


def test_drift_moves_brightness_contrast_and_noise_step_by_step() -> None:
    """Within the borders, each step of drift is brighter, flatter and noisier than the one before."""
    steps = [
        [quality(draw(seed, drift=drift, side=320)[64:256, 64:256]) for seed in range(12)]
        for drift in (0.0, 0.33, 0.67, 1.0)
    ]
    means = [np.mean([q.mean for q in step]) for step in steps]
    contrasts = [np.mean([q.std for q in step]) for step in steps]
    noise = [np.mean([q.sharpness for q in step]) for step in steps]
    assert means == sorted(means)
    assert contrasts == sorted(contrasts, reverse=True)
    assert noise == sorted(noise)
    assert means[-1] - means[0] > 20
    assert contrasts[0] - contrasts[-1] > 5


@pytest.mark.parametrize("drift", [0.0, 1.0])
def test_drawn_pictures_have_the_quality_of_radiographs(drift: float) -> None:
    """Drawings are neither blank, dark, bright, mostly border nor inverted by the figures that refuse such images."""
    for seed in range(24):
        q = quality(draw(seed, view=("PA", "AP")[seed % 2], finding="covid", drift=drift, side=320))
        assert 46 <= q.mean <= 217
        assert q.std >= 14.7
        assert q.entropy >= 4.8
        assert q.inversion < 0
        assert q.border <= 0.38
        assert q.saturated <= 0.49


def test_pictures_of_one_patient_are_no_near_duplicates() -> None:
    """Two exposures of one body differ in more than the 40 of 256 hash bits that make a near duplicate."""
    for seed in range(12):
        body = draw_body(np.random.default_rng([seed, 1]), "M", 60.0)
        hashes = [
            np.unpackbits(np.frombuffer(bytes.fromhex(phash), np.uint8))
            for phash in perceptual_hashes(
                [
                    sketch_picture(to_gray(draw_chest(body, Exposure("PA"), np.random.default_rng([seed, k]), 256)))
                    for k in range(3)
                ]
            )
        ]
        assert min(int((a != b).sum()) for a, b in combinations(hashes, 2)) > 40
