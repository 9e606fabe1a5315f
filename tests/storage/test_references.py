"""References: a champion's frame is kept once, and one that is damaged is never taken for whole."""

import logging

import numpy as np
import pandas as pd
import pytest

from storage.objects import Objects
from storage.references import PREFIX, Reference, axes_key, load_reference, reference_key, save_reference

RUN, SNAPSHOT = "run1", "0123456789abcdef"


def reference(images: int = 5, *, seed: int = 0) -> Reference:
    """A small frame with axes."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "image_id": [f"i{place}" for place in range(images)],
            "patient_id": "p",
            "source": "nih",
            "mean": rng.normal(size=images),
            "predicted": [None, "covid", "normal", None, "covid"][:images],
            "e_00": rng.normal(size=images).astype(np.float32),
        }
    )
    return Reference(frame, rng.normal(size=(4, 3)))


def keep(objects: Objects, given: Reference) -> bool:
    """Save it under the one key of these tests."""
    return save_reference(objects, RUN, SNAPSHOT, given)


def test_a_reference_comes_back_as_it_was(objects: Objects) -> None:
    """Frame and axes are those that were kept, of this run and snapshot alone."""
    given = reference()
    assert load_reference(objects, RUN, SNAPSHOT) is None
    assert keep(objects, given)
    found = load_reference(objects, RUN, SNAPSHOT)
    assert found is not None
    pd.testing.assert_frame_equal(found.frame, given.frame)
    np.testing.assert_array_equal(found.axes, given.axes)
    assert load_reference(objects, RUN, "f" * 16) is None
    assert load_reference(objects, "run2", SNAPSHOT) is None


def test_a_frame_without_an_embedding_has_no_axes(objects: Objects) -> None:
    """Where there are none, one object is kept and none is asked for."""
    assert keep(objects, Reference(reference().frame.drop(columns="e_00"), None))
    found = load_reference(objects, RUN, SNAPSHOT)
    assert found is not None
    assert found.axes is None
    assert len(list(objects.list(PREFIX))) == 1


def test_the_first_of_two_counts_with_its_own_axes(objects: Objects) -> None:
    """Two runs that compute one reference at once leave one frame, and the axes that its embedding is on."""
    first = reference(seed=1)
    assert keep(objects, first)
    assert not keep(objects, reference(seed=2))
    found = load_reference(objects, RUN, SNAPSHOT)
    assert found is not None
    np.testing.assert_array_equal(found.axes, first.axes)
    pd.testing.assert_frame_equal(found.frame, first.frame)


def damage(objects: Objects, kind: str) -> None:
    """Spoil what is kept."""
    frame = reference_key(RUN, SNAPSHOT)
    (axes,) = [info.key for info in objects.list(PREFIX) if info.key.endswith(".npy")]
    other = reference().frame.rename(columns={"image_id": "key"})
    match kind:
        case "frame cut":
            objects.put(frame, objects.get(frame)[:-20])
        case "frame foreign":
            objects.put(frame, other.to_parquet())
        case "frame of something else":
            objects.delete(frame)
            keep(objects, Reference(other, None))
        case "axes cut":
            objects.put(axes, objects.get(axes)[:-8])
        case "axes gone":
            objects.delete(axes)


@pytest.mark.parametrize("kind", ["frame cut", "frame foreign", "frame of something else", "axes cut", "axes gone"])
def test_what_is_damaged_is_said_and_made_again(objects: Objects, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """None is given, the log names it, and the next one to be computed is kept."""
    keep(objects, reference())
    damage(objects, kind)
    with caplog.at_level(logging.WARNING):
        assert load_reference(objects, RUN, SNAPSHOT) is None
    assert "computing the reference again" in caplog.text
    assert PREFIX in caplog.text
    assert keep(objects, reference(seed=3))
    assert load_reference(objects, RUN, SNAPSHOT) is not None


def test_axes_alone_are_no_reference(objects: Objects) -> None:
    """A run that died before it wrote the frame has kept nothing that counts."""
    keep(objects, reference())
    objects.delete(reference_key(RUN, SNAPSHOT))
    assert load_reference(objects, RUN, SNAPSHOT) is None
    assert keep(objects, reference(seed=4))


def test_axes_are_never_pickled(objects: Objects) -> None:
    """Their file is plain numbers, named by the digest of its bytes."""
    keep(objects, reference())
    (key,) = [info.key for info in objects.list(PREFIX) if info.key.endswith(".npy")]
    data = objects.get(key)
    assert data.startswith(b"\x93NUMPY")
    assert key == axes_key(RUN, SNAPSHOT, key.removesuffix(".npy").rpartition("-")[2])
