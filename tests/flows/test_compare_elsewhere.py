"""Comparisons in processes of their own: one that is killed goes on, and Dask's processes come to what one does."""

import pytest

from storage.objects import Objects
from storage.settings import LOCAL_DASK
from storage.store import Store
from tests.flows.killing import kill_in_the_middle
from tests.flows.test_compare import TINY, run
from xray_model.config import CompareOptions
from xray_model.outcomes import CompareOutcome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("prefect_server")]

CELLS = "comparisons/cells/"


def test_a_comparison_that_was_killed_comes_to_what_an_unbroken_one_does(filled: Store) -> None:
    """After SIGKILL in the middle the missing trainings alone are done, and the standings are an undisturbed run's."""
    asked = {**TINY, "folds": 3}
    options = CompareOptions.model_validate({"recipe": "bimcv-imbalance", **asked})
    kill_in_the_middle("compare", options, lambda: cells(filled.objects))
    there = cells(filled.objects)
    assert 0 < len(there) < 3
    outcome = run("bimcv-imbalance", **asked)
    assert there.items() < cells(filled.objects).items()
    assert len(cells(filled.objects)) == 3
    for key in cells(filled.objects):
        filled.objects.delete(key)
    undisturbed = run("bimcv-imbalance", **asked)
    assert told(undisturbed) == told(outcome)


def test_local_dask_trains_the_same(filled: Store) -> None:
    """Processes of this machine train what this one would: the figures are equal, and each training is kept once."""
    elsewhere = run("bimcv-imbalance", **TINY, dask=LOCAL_DASK)
    there = cells(filled.objects)
    assert len(there) == 2
    for key in there:
        filled.objects.delete(key)
    assert told(run("bimcv-imbalance", **TINY)) == told(elsewhere)


def cells(objects: Objects) -> dict[str, bytes]:
    """What is kept of trainings."""
    return {found.key: objects.get(found.key) for found in objects.list(CELLS)}


def told(outcome: CompareOutcome) -> list[dict[str, object]]:
    """Standings without what a clock says."""
    return [one.model_dump(exclude={"seconds", "images_per_second"}) for one in outcome.standings]
