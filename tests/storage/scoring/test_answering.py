"""An answerer: each file has its answer or its reason, in its place, and an image lies where its model sees it."""

import hashlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from storage.objects import open_objects
from storage.references import Reference, save_reference
from storage.scoring.answering import Answerer, RefusedFile, ScoredImage
from storage.scoring.recording import build_part
from storage.sights import find_sight
from tests.scoring import picture
from tests.storage.scoring.test_parts import MODEL, NOW
from xray_model.data.bounds import DEFAULTS
from xray_model.errors import UnreadableImage
from xray_model.evaluation.drift.columns import EMBEDDING, IDENTITY
from xray_model.evaluation.drift.frame import fit_axes
from xray_model.evaluation.sight import Sight
from xray_model.evaluation.strangeness import UNLIKE_TRAINING, Strangeness


class Double:
    """A predictor that goes by the brightness of an image, and has no answer to the darkest."""

    side = 64
    classes = ("normal", "covid")
    """In another order than the ledger's."""

    def answer(self, pixels: npt.NDArray[np.uint8]) -> Any:
        """See `Predictor.answer`."""
        bright = pixels.mean((1, 2), dtype=np.float32) / 255
        probabilities = np.stack([bright, 1 - bright], axis=1)
        predicted = np.array([None if each < 0.05 else "covid" for each in bright], object)
        return SimpleNamespace(probabilities=probabilities, predicted=predicted, embedding=probabilities)


def answerer(axes: Any = None, strangeness: Any = None) -> Answerer:
    """With the double for a model."""
    return Answerer(Double(), MODEL, tuple(DEFAULTS.values()), Sight(axes, strangeness))  # type: ignore[arg-type]


def test_each_file_has_its_place() -> None:
    """Unreadable files stand between sound ones, and an answer that is no number is none."""
    light, black, broken = picture(1, level=180), picture(2, level=-200), b"no picture"
    found = answerer().answer([broken, light, UnreadableImage("it is no regular file"), black])
    assert [type(one) for one in found] == [RefusedFile, ScoredImage, RefusedFile, RefusedFile]
    assert found[0].image_id == hashlib.sha256(broken).hexdigest()  # type: ignore[union-attr]
    assert found[2] == RefusedFile(None, "it is no regular file")
    assert found[3] == RefusedFile(hashlib.sha256(black).hexdigest(), "the model's answer to it is not a number")
    assert isinstance(found[1], ScoredImage)
    assert found[1].prediction.probabilities["normal"] > 0.5
    assert answerer().answer([]) == []


def test_a_part_tells_where_an_image_lies() -> None:
    """Coordinates on the reference's axes stand in the part under the drift frame's names, and are missing without."""
    axes = fit_axes(np.random.default_rng(0).normal(size=(20, 2)))
    with_axes, without = (
        build_part(answerer(these).answer([picture(3)]), MODEL.classes, 0, NOW).to_pylist()[0] for these in (axes, None)
    )
    assert (with_axes["p_normal"], with_axes["p_covid"]) == (without["p_normal"], without["p_covid"])
    assert [name for name in EMBEDDING if with_axes[name] is not None] == [*EMBEDDING[:2]]
    assert all(without[name] is None for name in EMBEDDING)


@pytest.mark.parametrize("kept", [True, False])
def test_axes_are_those_of_the_reference(tmp_path: Any, kept: bool) -> None:
    """None before there is a reference."""
    objects = open_objects(tmp_path.as_uri())
    axes = fit_axes(np.random.default_rng(0).normal(size=(20, 3)))
    if kept:
        frame = pd.DataFrame([dict.fromkeys(IDENTITY, "x")])
        save_reference(objects, MODEL.run_id, MODEL.snapshot_id, Reference(frame, axes.to_array()))
    found = find_sight(objects, MODEL).axes
    assert (found is not None) == kept
    if found is not None:
        np.testing.assert_allclose(found.mean, axes.mean)


def test_what_is_unlike_the_training_is_warned_of() -> None:
    """The warning stands after those of the rules, for images far from all that are known."""
    known = Strangeness(np.array([[0.7, 0.3]], np.float32), limit=0.1)
    near, far = answerer(strangeness=known).answer([picture(1, level=180), picture(1, level=60)])
    assert isinstance(near, ScoredImage)
    assert isinstance(far, ScoredImage)
    assert UNLIKE_TRAINING not in near.prediction.warnings
    assert far.prediction.warnings[-1] == UNLIKE_TRAINING
