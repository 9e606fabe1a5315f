"""An image that comes alone is doubted for what ingest would refuse it for, word by word."""

import io
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from expectations.running import check_images
from tests.expectations.test_running import GOOD
from xray_model.data.bounds import DEFAULTS, Bounds
from xray_model.data.examining import Examined, examine_image
from xray_model.data.image_rules import OLDEST, SMALLEST_SIDE, find_warnings
from xray_model.data.images import PixelFacts
from xray_model.data.phantoms import CohortOptions, plan_cohort
from xray_model.data.phantoms.dicom import encode_dicom
from xray_model.data.quality import QualityFigures

Gray = npt.NDArray[np.uint8]
ABOUT = ("image_id", "view", "age")


def refused(images: Sequence[Examined], bounds: Bounds) -> list[list[tuple[str, str]]]:
    """For each image the code and the words of every rule by which Great Expectations refuses it, sorted."""
    rows = pd.DataFrame(
        [
            {
                **GOOD,
                **{name: getattr(image, name) for name in ABOUT},
                **asdict(image.facts),
                **asdict(image.facts.quality),
            }
            for image in images
        ]
    )
    checked = check_images(rows.astype({"age": float, "view": object}), bounds)
    assert all(result.evaluated for result in checked.results)
    return [sorted(checked.failed[place]) for place in range(len(images))]


def warned(images: Sequence[Examined], bounds: Bounds) -> list[list[tuple[str, str]]]:
    """For each image the warnings, as `refused` has them."""
    found = [find_warnings(image, bounds) for image in images]
    return [sorted((one.code, one.text.removeprefix("The image ").removesuffix(".")) for one in own) for own in found]


def as_png(gray: Gray) -> bytes:
    """A picture as a file."""
    buffer = io.BytesIO()
    Image.fromarray(gray).save(buffer, "PNG")
    return buffer.getvalue()


def corpus() -> dict[str, bytes]:
    """Chests as they should be and as they should not, by what is wrong with them."""
    exams = plan_cohort(
        CohortOptions(patients=3, further_share=0, lateral_share=0, smallest_side=200, largest_side=240)
    )
    chest, *others = (np.rint(exam.draw() * 255).astype(np.uint8) for exam in exams)
    height = len(chest)
    stored = (chest.astype(np.uint16) << 4).astype(np.uint16)
    framed = np.pad(chest, height)

    def dicom(**tags: Any) -> bytes:
        return encode_dicom(stored, 12, tags=tags)

    return {
        **{f"sound {place}": as_png(gray) for place, gray in enumerate((chest, *others))},
        "sound dicom": dicom(PatientAge="063Y", ViewPosition="PA"),
        "sound dicom of an unknown view": dicom(),
        "view-lateral": dicom(PatientAge="063Y", ViewPosition="LL"),
        "age-range": dicom(PatientAge="115Y"),
        "view-lateral, age-range": dicom(PatientAge="112Y", ViewPosition="LATERAL"),
        "inverted": as_png(255 - chest),
        "inverted dicom": dicom(PhotometricInterpretation="MONOCHROME1"),
        "too-small": as_png(chest[: SMALLEST_SIDE - 1]),
        "sound and just large enough": as_png(chest[:SMALLEST_SIDE]),
        "too-dark": as_png(chest // 10),
        "too-bright": as_png(245 + chest // 26),
        "blank": as_png(np.full_like(chest, 90)),
        "too-few-grays": as_png(chest // 128 * 200),
        "wide-border": as_png(framed),
        "saturated": as_png(np.where(np.indices(chest.shape)[0] < 0.6 * height, 255, chest).astype(np.uint8)),
        "odd-shape": as_png(np.tile(chest[:150], (1, 4))),
    }


def test_warnings_of_real_files_are_ingests_refusals() -> None:
    """Of each file of a corpus, sound or broken, the warnings are exactly what Great Expectations refuses it for."""
    files = corpus()
    images = [examine_image(data, 96) for data in files.values()]
    expected = refused(images, DEFAULTS)
    assert warned(images, DEFAULTS) == expected
    found = dict(zip(files, ({code for code, _ in own} for own in expected), strict=True))
    assert {code for codes in found.values() for code in codes} == {"view-lateral", "age-range", "too-small", *DEFAULTS}
    for name, codes in found.items():
        assert bool(codes) != ("sound" in name), name


def draw_facts(bounds: Bounds, rng: np.random.Generator) -> Examined:
    """An image whose figures lie at a bound, a little to either side of it, or anywhere."""
    figures: dict[str, Any] = dict.fromkeys(QualityFigures.__dataclass_fields__, 1.0)
    for code in rng.permutation(list(bounds)):  # of two bounds on one figure either may be the one
        bound = bounds[code]
        edge = rng.choice([side for side in (bound.low, bound.high) if side is not None])
        figures[bound.column] = float(edge + rng.choice([0, 1e-4, -1e-4, 5, -5]))
    width, height = (int(side) for side in SMALLEST_SIDE + rng.choice([-1, 0, 1, 300], 2))
    facts = PixelFacts(width, height, 8, "L", "display", inverted=False, phash=None, quality=QualityFigures(**figures))
    age = (None, 0.0, 63.0, float(OLDEST), OLDEST + 0.5)[rng.integers(5)]
    view = (None, "PA", "AP", "L")[rng.integers(4)]
    return Examined("0" * 64, np.zeros((1, 1), np.uint8), facts, view=view, age=age)


def test_warnings_at_the_bounds_are_ingests_refusals() -> None:
    """On, beside and far from every bound, those the pipeline starts with and others, both judge alike."""
    rng = np.random.default_rng(4)
    narrow = {**DEFAULTS, "odd-shape": replace(DEFAULTS["odd-shape"], low=None, high=1.5)}
    for bounds in (DEFAULTS, narrow):
        images = [draw_facts(bounds, rng) for _ in range(300)]
        expected = refused(images, bounds)
        assert warned(images, bounds) == expected
        assert len({code for own in expected for code, _ in own}) == len(DEFAULTS) + 3
