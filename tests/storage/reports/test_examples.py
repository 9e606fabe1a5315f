"""Which images are shown beside their heat, and what is drawn over them."""

import numpy as np
import pytest

from storage.reports.examples import choose_examples, lay_heat
from tests.storage.reports.carding import make_examples


@pytest.mark.parametrize(
    ("misses", "hits", "shown"), [(20, 20, (6, 6)), (2, 20, (2, 10)), (20, 3, (9, 3)), (1, 1, (1, 1)), (0, 0, (0, 0))]
)
def test_half_are_misses(misses: int, hits: int, shown: tuple[int, int]) -> None:
    """Of many, six misses come before six hits; where one kind is short the other fills up."""
    known = make_examples(40)
    chosen = choose_examples([each for each in known if each.hit][:hits] + [e for e in known if not e.hit][:misses])
    assert [each.hit for each in chosen] == [False] * shown[0] + [True] * shown[1]


def test_heat_is_laid_over_a_copy() -> None:
    """The image stands unchanged on the left; on the right it is gray without heat and orange where there is most."""
    pixels = np.full((64, 64), 90, np.uint8)
    heat = np.zeros((64, 64), np.float32)
    heat[10, 20] = 1
    drawn = lay_heat(pixels, heat)
    assert drawn.shape == (64, 2 * 64 + 2, 3)
    assert (drawn[:, :64] == 90).all()
    right = drawn[:, -64:]
    assert right[10, 20].tolist() == [174, 131, 36]
    right[10, 20] = 90
    assert (right == 90).all()
