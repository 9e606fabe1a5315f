"""Near duplicates among the real X-rays, against the groups of their answer sheet."""

from pathlib import Path

import pandas as pd
import pytest

from xray_model.data.identity import find_duplicates
from xray_model.data.images import decode_image
from xray_model.data.records import DisplayHints

pytestmark = pytest.mark.real

SIDE = 320
REPUBLISHED = [
    ("5e05feff0907", "e2adb88d75dc"),
    ("e6e2e3f89a5d", "f0d99a4c95c2"),
    ("33e1bcc5a5e8", "887c516cbb2b"),
    ("ae7194aef739", "c2658a559c69"),
]
"""Image ids, shortened, of pairs that the answer sheet does not know and that a look at them shows to be one picture:
cropped or windowed anew. Two are within ieee8023-covid-chestxray, one within covid-cxnet, one is in both, as normal in
the first and covid in the second."""


def test_near_duplicates_of_real_images(shared_data: Path) -> None:
    """The known groups are found (recall at least .95); what is found beside them is at most 1 % of the images.

    Today all 12 groups are found, and 4 pairs more, which are listed above: no group is really false.
    """
    folder = shared_data / "xray"
    sheet = pd.read_csv(folder / "manifest.csv").rename(columns={"sha256": "image_id"})
    sheet["phash"] = [
        decode_image((folder / path).read_bytes(), DisplayHints(), SIDE).facts.phash for path in sheet["path"]
    ]
    found = find_duplicates(sheet.assign(split="train"), pd.DataFrame(columns=["image_id", "phash", "split"]))
    linked = found["duplicate_of"].notna()
    group_of = sheet.drop_duplicates("image_id").set_index("image_id")["dup_group"]
    same = sheet["dup_group"].notna() & (sheet["dup_group"] == found["duplicate_of"].map(group_of))
    expected = sheet["dup_group"].duplicated() & sheet["dup_group"].notna()
    assert expected.sum() == 12
    assert (expected & same).sum() >= 0.95 * expected.sum()
    beside = linked & ~same
    pairs = list(zip(sheet["image_id"].str[:12][beside], found["duplicate_of"].str[:12][beside], strict=True))
    assert 2 * len(pairs) <= 0.01 * len(sheet), pairs
    assert set(map(frozenset, REPUBLISHED)) == set(map(frozenset, pairs))
