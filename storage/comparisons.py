"""Comparisons of ways of training: which image is in which fold, what each training came to, and the whole.

Folds are named by their content and trainings by all that makes them, so that a comparison that was interrupted, or is
run again with more variants or seeds, trains only what is not there.
"""

import hashlib
import io

import pandas as pd
from pydantic import ValidationError

from storage.objects import Objects
from xray_model.data.splits import SPLITS
from xray_model.errors import InvalidInput, ObjectNotFound
from xray_model.outcomes import CellOutcome, CompareOutcome

PREFIX = "comparisons/"
_PART = "part_{}"
_DIGITS = 16


def part_column(fold: int) -> str:
    """Column that says what an image is for in a fold: one of `SPLITS`, or nothing."""
    return _PART.format(fold)


def save_folds(objects: Objects, rows: pd.DataFrame) -> str:
    """Keep rows of a snapshot with a `part_column` for each fold; returns the id that their content has.

    All of it: an image that was read anew has its old id, and other pixels in another shard.
    """
    rows = rows.sort_values("image_id", ignore_index=True)
    folds_id = hashlib.sha256(rows.to_csv(index=False).encode()).hexdigest()[:_DIGITS]
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False, compression="zstd")
    objects.create(_folds_key(folds_id), buffer.getvalue())
    return folds_id


def load_fold(objects: Objects, folds_id: str, fold: int) -> dict[str, pd.DataFrame]:
    """Rows of one fold by what they are for.

    Raises:
        ObjectNotFound: there are no such folds.
    """
    rows = pd.read_parquet(io.BytesIO(objects.get(_folds_key(folds_id))))
    return {split: rows[rows[part_column(fold)] == split].reset_index(drop=True) for split in SPLITS}


def save_cell(objects: Objects, mark: str, outcome: CellOutcome) -> None:
    """Keep what a training came to under all that makes it; of two at the same time the first stays."""
    objects.create(_cell_key(mark), outcome.model_dump_json(indent=2).encode())


def find_cell(objects: Objects, mark: str) -> CellOutcome | None:
    """What a training came to, if it was done before.

    Raises:
        InvalidInput: the object is no such outcome.
    """
    key = _cell_key(mark)
    try:
        return CellOutcome.model_validate_json(objects.get(key))
    except ObjectNotFound:
        return None
    except ValidationError as error:
        raise InvalidInput(f"{key} in the store is no training as this pipeline keeps them: delete it") from error


def save_comparison(objects: Objects, outcome: CompareOutcome) -> None:
    """Keep the whole, also where it was kept before: the same folds and trainings have the same figures."""
    objects.put(f"{PREFIX}{outcome.comparison_id}.json", outcome.model_dump_json(indent=2).encode())


def _folds_key(folds_id: str) -> str:
    return f"{PREFIX}folds/{folds_id}.parquet"


def _cell_key(mark: str) -> str:
    return f"{PREFIX}cells/{mark}.json"
