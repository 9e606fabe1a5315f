"""What tells the strange images of a model: it comes back as it was, or is said to be damaged."""

import logging

import numpy as np
import pytest

from storage.objects import Objects
from storage.shards import array_bytes
from storage.strangeness import load_strangeness, save_strangeness
from xray_model.evaluation.strangeness import Strangeness

KEPT = Strangeness(np.arange(12, dtype=np.float32).reshape(4, 3), 0.1875)
KEY = "references/run/strangeness.npy"


def test_strangeness_comes_back_as_it_was(objects: Objects) -> None:
    """The first that was kept of a run is what is loaded, and of another run there is none."""
    save_strangeness(objects, "run", KEPT)
    save_strangeness(objects, "run", Strangeness(KEPT.known, 9.0))
    found = load_strangeness(objects, "run")
    assert found is not None
    np.testing.assert_array_equal(found.known, KEPT.known)
    assert found.limit == KEPT.limit
    assert load_strangeness(objects, "other") is None


@pytest.mark.parametrize("data", [b"nothing", array_bytes(KEPT.to_array())[:-5], array_bytes(np.zeros(3))])
def test_damaged_one_is_said_and_kept_anew(objects: Objects, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """What is no array of known images is removed with a warning, so that the next evaluation keeps another."""
    objects.put(KEY, data)
    with caplog.at_level(logging.WARNING):
        assert load_strangeness(objects, "run") is None
    assert KEY in caplog.text
    save_strangeness(objects, "run", KEPT)
    assert load_strangeness(objects, "run") is not None
