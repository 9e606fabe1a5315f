"""The parts of a scoring: what was answered, shard by shard, so that a run that was killed goes on where it was.

A part names its images by number: the names of files stand in the user's own table alone.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from storage.objects import Objects, get_all
from xray_model.data.bounds import Bound
from xray_model.data.quality import QUALITY_FIGURES
from xray_model.errors import InvalidInput
from xray_model.evaluation.drift.columns import EMBEDDING
from xray_model.outcomes import ServedModel

PREFIX = "scorings/"
"""May be removed at any time: what is missing is computed again."""
_LAYOUT = 1
"""Raised whenever a part comes to hold something else."""
_FACTS = {
    **dict.fromkeys(("view", "sex", "manufacturer", "window_path"), pa.string()),
    "bits": pa.int16(),
    "age": pa.float64(),
    **dict.fromkeys(QUALITY_FIGURES, pa.float64()),
    **dict.fromkeys(EMBEDDING, pa.float32()),
}
FACTS = tuple(_FACTS)
"""Columns of a part that the log of predictions has too."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """What decides every answer: the images, the model and what its answers are checked against."""

    images_digest: str
    images: int
    shard_size: int
    model: ServedModel
    bounds: tuple[Bound, ...]
    """Of pictures, as they were in force when it began."""
    has_axes: bool
    """Whether there was a reference of the model to put images beside."""
    has_strangeness: bool
    """Whether it was known what is unlike the training."""

    @property
    def id(self) -> str:
        """The same for a run that goes on, another one where any answer could differ."""
        model = (self.model.version, self.model.run_id, self.model.model_sha256)
        limits = [(bound.code, bound.low, bound.high) for bound in self.bounds]
        decisive = (_LAYOUT, self.images_digest, self.shard_size, model, limits, self.has_axes, self.has_strangeness)
        return hashlib.sha256(repr(decisive).encode()).hexdigest()[:16]

    @property
    def shards(self) -> int:
        """How many there are."""
        return -(-self.images // self.shard_size)


def model_key(model: ServedModel) -> str:
    """Key of the copy of a model that workers without a registry load."""
    return f"{PREFIX}models/{model.model_sha256}.keras"


def part_schema(classes: tuple[str, ...]) -> pa.Schema:
    """Columns of a part."""
    columns = {
        "number": pa.int64(),
        "when": pa.timestamp("us", tz="UTC"),
        "image_id": pa.string(),
        "refused": pa.string(),
        "predicted": pa.string(),
        **{f"p_{name}": pa.float32() for name in classes},
        "warnings": pa.list_(pa.string()),
        "warning_texts": pa.list_(pa.string()),
        **_FACTS,
    }
    return pa.schema(list(columns.items()))


def find_missing(objects: Objects, scoring: Scoring) -> list[int]:
    """The shards that nobody has answered yet."""
    there = {info.key for info in objects.list(f"{PREFIX}{scoring.id}/")}
    return [shard for shard in range(scoring.shards) if _key(scoring, shard) not in there]


def save_part(objects: Objects, scoring: Scoring, shard: int, part: pa.Table) -> None:
    """Keep a part; one that another run was first with stands."""
    buffer = io.BytesIO()
    pq.write_table(part, buffer, compression="zstd")
    objects.create(_key(scoring, shard), buffer.getvalue())


def load_parts(objects: Objects, scoring: Scoring) -> Iterator[pa.Table]:
    """All parts in order, a few at a time in memory.

    Raises:
        InvalidInput: one is damaged.
        ObjectNotFound: one is missing.
    """
    keys = (_key(scoring, shard) for shard in range(scoring.shards))
    expected, first = part_schema(scoring.model.classes), 0
    for key, data in get_all(objects, keys):
        try:
            part = pq.read_table(io.BytesIO(data))
        except (pa.ArrowException, OSError) as error:
            raise _damaged(key) from error
        numbers = range(first, min(first + scoring.shard_size, scoring.images))
        if part.schema != expected or part["number"].to_pylist() != [*numbers]:
            raise _damaged(key)
        first += len(numbers)
        yield part


def _key(scoring: Scoring, shard: int) -> str:
    return f"{PREFIX}{scoring.id}/{shard:05d}.parquet"


def _damaged(key: str) -> InvalidInput:
    return InvalidInput(f"{key} in the store is damaged: remove it, and its images are answered again")
