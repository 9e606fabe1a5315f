"""The image files of the hostile corpus as uploads: each ends with a reason or is answered, and none does harm."""

import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.hostile import dicom, images
from tests.hostile.cases import Case, End
from tests.hostile.encoding import png
from xray_model.data.phantoms import CohortOptions, write_class_folders

CASES = (*images.CASES, *dicom.CASES)
MOST_MB = 700
LONGEST_SECONDS = 20.0
JUDGED = ("smaller than", "blank", "too wide or too tall")
"""Words of the reasons why ingest refuses an image that can be read: here it is answered, with a warning."""
NO_IMAGE, NO_X_RAY = "holds no image", "no chest X-ray by its own header"
"""Of a file that comes alone the header is asked first."""


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """A drawn radiograph, uint8 [height, width]."""
    folder = tmp_path_factory.mktemp("picture")
    options = CohortOptions(patients=1, shares={"normal": 1}, seed=12, smallest_side=190, largest_side=230)
    write_class_folders(folder, options, three_classes=True)
    with Image.open(next(folder.rglob("*.jpeg"))) as image:
        return np.asarray(image.convert("L"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_file_is_refused_with_a_reason_or_answered(asker: httpx.Client, picture: np.ndarray, case: Case) -> None:
    """What ingest takes is answered; what cannot be read is 422 for the very reason; memory and time are bounded."""
    ((_, data),) = case.build(picture).items()
    (end,) = case.ends.values()
    forget_peak()
    before = peak_mb()
    answer = asker.post("/v1/predict", files={"image": data}, timeout=LONGEST_SECONDS)
    assert peak_mb() - before < MOST_MB
    assert_ended(answer, end)


def test_all_of_them_at_once_take_none_with_them(asker: httpx.Client, picture: np.ndarray) -> None:
    """In one request, a sound image among them is answered, and each of the others stands in its place."""
    chosen = [case for case in CASES if not any(word in case.name for word in ("bomb", "largest", "scans", "rle"))]
    contents = [next(iter(case.build(picture).values())) for case in chosen]
    sound = png(picture)
    for start in range(0, len(contents), 31):
        sent = [*contents[start : start + 31], sound]
        told = asker.post("/v1/predict", files=[("image", data) for data in sent]).json()["predictions"]
        assert len(told) == len(sent)
        assert "label" in told[-1]


def assert_ended(answer: httpx.Response, end: End) -> None:
    """One upload ended as it should."""
    told = answer.json()
    judged = any(words in end.words for words in JUDGED)
    answered = end.status == "accepted" or judged or (end.words == "" and answer.status_code == 200)
    if answered:
        assert answer.status_code == 200, told
        (said,) = told["predictions"]
        warned = " ".join(warning["text"] for warning in said["warnings"])
        assert (bool(warned) or end.status == "accepted", end.words in warned or not judged) == (True, True), warned
    else:
        fits = end.words in told["detail"] or (end.words == NO_IMAGE and NO_X_RAY in told["detail"])
        assert (answer.status_code, fits) == (422, True), told


def test_there_are_as_many_as_were_promised() -> None:
    """60 of the corpus's image and DICOM files, and more."""
    assert len(CASES) >= 60


def forget_peak() -> None:
    """Measure the most memory from here on."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> int:
    """Most memory that this process, the server in it, has held since `forget_peak`, MB."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024 // 1_000_000
