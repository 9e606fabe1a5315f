"""What new images are compared with: the frame of a champion's snapshot, computed once and kept.

A frame names its axes by their digest, and is written after them: where it is there, so are the axes that it is on.
"""

import hashlib
import io
import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from storage.objects import Objects
from storage.shards import array_bytes, load_array
from xray_model.errors import InvalidInput, ObjectNotFound
from xray_model.evaluation.drift.columns import IDENTITY

PREFIX = "references/"
LAYOUT = 1
"""Of the frame: raised whenever its columns come to mean something else, so that it is computed anew."""
_AXES, _NO_AXES = b"xray.axes", b"none"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reference:
    """The frame of a snapshot, and the axes that new embeddings are put on."""

    frame: pd.DataFrame
    axes: npt.NDArray[np.floating] | None
    """As `Axes.to_array` gives them; None where the frame has no embedding."""


def reference_key(run_id: str, snapshot_id: str) -> str:
    """Key of the frame of a snapshot as the model of an MLflow run sees it."""
    return f"{PREFIX}{run_id}/{snapshot_id}-{LAYOUT}.parquet"


def axes_key(run_id: str, snapshot_id: str, digest: str) -> str:
    """Key of axes."""
    return f"{PREFIX}{run_id}/{snapshot_id}-{LAYOUT}-axes-{digest}.npy"


def save_reference(objects: Objects, run_id: str, snapshot_id: str, reference: Reference) -> bool:
    """Keep a reference for ever; False where another run was first, whose frame then counts."""
    table = pa.Table.from_pandas(reference.frame, preserve_index=False)
    digest = _NO_AXES
    if reference.axes is not None:
        data = array_bytes(reference.axes)
        name = _digest(data)
        objects.create(axes_key(run_id, snapshot_id, name), data)
        digest = name.encode()
    buffer = io.BytesIO()
    metadata = {**(table.schema.metadata or {}), _AXES: digest}
    pq.write_table(table.replace_schema_metadata(metadata), buffer, compression="zstd")
    return objects.create(reference_key(run_id, snapshot_id), buffer.getvalue())


def load_reference(objects: Objects, run_id: str, snapshot_id: str) -> Reference | None:
    """The reference that was kept; None where there is none, or a damaged one, which is removed to be made again."""
    key = reference_key(run_id, snapshot_id)
    try:
        frame, digest = _parse_frame(objects.get(key), key)
        return Reference(frame, None if digest is None else _load_axes(objects, run_id, snapshot_id, digest))
    except ObjectNotFound as error:
        if not objects.exists(key):
            return None
        damage: Exception = error
    except InvalidInput as error:
        damage = error
    _log.warning("%s: computing the reference again", damage)
    for info in list(objects.list(key.removesuffix(".parquet"))):
        objects.delete(info.key)
    return None


def _parse_frame(data: bytes, key: str) -> tuple[pd.DataFrame, str | None]:
    """The frame, and the digest of its axes."""
    try:
        table = pq.read_table(io.BytesIO(data))
        digest = (table.schema.metadata or {})[_AXES]
        frame: pd.DataFrame = table.to_pandas()
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise InvalidInput(f"{key} in the store is no whole reference") from error
    if not set(IDENTITY) <= set(frame.columns):
        raise InvalidInput(f"{key} in the store is the frame of something else")
    return frame, None if digest == _NO_AXES else digest.decode(errors="replace")


def _load_axes(objects: Objects, run_id: str, snapshot_id: str, digest: str) -> npt.NDArray[np.floating]:
    key = axes_key(run_id, snapshot_id, digest)
    data = objects.get(key)
    if _digest(data) != digest:
        raise InvalidInput(f"{key} in the store is damaged: its content has another digest")
    axes: npt.NDArray[np.floating] = load_array(data, key)  # type: ignore[assignment]  # what the digest is of
    return axes


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
