"""What stands out among refused images."""

import pandas as pd
import pytest

from xray_model.data.causes import Share, find_cause, share_out


def batch(**counts: tuple[int, int]) -> tuple[pd.DataFrame, pd.Series]:
    """Images by scanner: (refused, all); every second one is PA."""
    scanners = [(name, place < bad) for name, (bad, whole) in counts.items() for place in range(whole)]
    rows = pd.DataFrame(scanners, columns=["manufacturer", "refused"])
    rows["view"] = ["PA" if place % 2 else "AP" for place in range(len(rows))]
    rows["bits"] = 12.0
    return rows, rows["refused"]


@pytest.mark.parametrize(
    ("counts", "scanner"),
    [
        ({"GMM": (209, 211), "Agfa": (2, 240), "Siemens": (1, 233)}, "GMM"),
        ({"GMM": (20, 40), "Agfa": (20, 40)}, None),
        ({"GMM": (50, 100), "Agfa": (10, 100)}, "GMM"),
        ({"GMM": (50, 100), "Agfa": (13, 100)}, None),
        ({"GMM": (4, 4), "Agfa": (0, 200)}, None),
        ({"GMM": (40, 40)}, None),
        ({"GMM": (5, 100), "Agfa": (1, 100)}, None),
    ],
    ids=["one scanner", "both", "most of it", "not most", "too few", "nothing else to compare", "by chance"],
)
def test_cause_is_named_only_where_it_stands_out(counts: dict[str, tuple[int, int]], scanner: str | None) -> None:
    """One value is the likely cause where it holds most refused images, far more often than the others."""
    rows, refused = batch(**counts)
    cause = find_cause(rows, refused, ["manufacturer", "view", "bits"])
    assert (cause and cause.inside.value) == scanner
    if cause:
        assert cause.inside.images + cause.outside.images == len(rows)
        assert cause.inside.refused + cause.outside.refused == refused.sum()


def test_missing_values_are_no_cause() -> None:
    """A column that most rows leave empty is counted as not told, and never blamed."""
    rows, refused = batch(GMM=(40, 50), Agfa=(1, 100))
    rows.loc[rows["manufacturer"] == "GMM", "manufacturer"] = None
    assert find_cause(rows, refused, ["manufacturer"]) is None
    assert share_out(rows, refused, "manufacturer")[0] == Share("not told", 40, 50)


def test_many_values_are_summed_up() -> None:
    """Of many values the ones with most refused images are listed, and the rest together: none is lost."""
    rows, refused = batch(**{f"scanner {place}": (place, 30) for place in range(12)})
    shares = share_out(rows, refused, "manufacturer")
    assert [share.value for share in shares[:2]] == ["scanner 11", "scanner 10"]
    assert shares[-1].value == "7 others"
    assert (sum(one.refused for one in shares), sum(one.images for one in shares)) == (refused.sum(), len(rows))
