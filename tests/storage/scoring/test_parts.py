"""Parts of a scoring: what was answered counts for the very same images, model and bounds, and for nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.objects import Objects, open_objects
from storage.scoring.answering import RefusedFile, ScoredImage
from storage.scoring.parts import PREFIX, Scoring, find_missing, load_parts, save_part
from storage.scoring.recording import build_part
from tests.scoring import served_model
from xray_model.data.bounds import DEFAULTS
from xray_model.errors import InvalidInput

NOW = datetime(2026, 5, 1, tzinfo=UTC)
MODEL = served_model()
SCORING = Scoring(
    images_digest="d",
    images=5,
    shard_size=2,
    model=MODEL,
    bounds=tuple(DEFAULTS.values()),
    has_axes=False,
    has_strangeness=False,
)


def save(objects: Objects, shard: int, answers: Sequence[ScoredImage | RefusedFile]) -> None:
    """Keep a part of refused files."""
    save_part(objects, SCORING, shard, build_part(answers, MODEL.classes, 2 * shard, NOW))


def test_what_is_missing_is_told_and_what_is_there_comes_back(objects: Objects) -> None:
    """In any order, and the first to answer a shard is the one that counts."""
    assert find_missing(objects, SCORING) == [0, 1, 2]
    save(objects, 1, [RefusedFile(None, "first"), RefusedFile("i", "first")])
    save(objects, 1, [RefusedFile(None, "second"), RefusedFile("i", "second")])
    assert find_missing(objects, SCORING) == [0, 2]
    save(objects, 2, [RefusedFile(None, "last")])
    save(objects, 0, [RefusedFile(None, "a"), RefusedFile(None, "b")])
    found = [part.to_pylist() for part in load_parts(objects, SCORING)]
    assert [[row["refused"] for row in part] for part in found] == [["a", "b"], ["first", "first"], ["last"]]
    assert [row["number"] for part in found for row in part] == [*range(5)]


@pytest.mark.parametrize(
    "other",
    [
        replace(SCORING, images_digest="e"),
        replace(SCORING, shard_size=3),
        replace(SCORING, has_axes=True),
        replace(SCORING, has_strangeness=True),
        replace(SCORING, model=MODEL.model_copy(update={"version": 3})),
        replace(SCORING, model=MODEL.model_copy(update={"model_sha256": "1" * 64})),
        replace(SCORING, bounds=(replace(SCORING.bounds[0], low=1.0), *SCORING.bounds[1:])),
    ],
)
def test_what_could_change_an_answer_begins_anew(other: Scoring) -> None:
    """Another image, model or bound is another scoring; a model that left service and came back is not."""
    assert other.id != SCORING.id
    later = MODEL.model_copy(update={"since": datetime(2027, 1, 1, tzinfo=UTC)})
    assert replace(SCORING, model=later).id == SCORING.id


@pytest.mark.parametrize("damage", [b"", b"no table", None])
def test_a_damaged_part_is_named(tmp_path: Path, damage: bytes | None) -> None:
    """Cut, or another scoring's: the message says which object to remove."""
    objects = open_objects(tmp_path.as_uri())
    for shard in range(3):
        save(objects, shard, [RefusedFile(None, "x")] * (1 if shard == 2 else 2))
    key = f"{PREFIX}{SCORING.id}/00001.parquet"
    other = objects.get(f"{PREFIX}{SCORING.id}/00000.parquet")
    objects.put(key, other if damage is None else damage)
    with pytest.raises(InvalidInput, match=f"{key} in the store is damaged: remove it"):
        list(load_parts(objects, SCORING))
