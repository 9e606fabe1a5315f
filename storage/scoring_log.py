"""What the model answered in service and in batch scoring: append-only tables, by the day (UTC) they were written.

They hold no pixels and no identities: an image is its digest and counts as a patient of its own. What a column may be
called is fixed, so that nothing else gets in by mistake.
"""

import io
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.objects import Objects, get_all
from xray_model.data.quality import QUALITY_FIGURES
from xray_model.errors import InvalidInput
from xray_model.evaluation.drift.columns import EMBEDDING

PREFIX = "scores/"
ROUTES = ("service", "batch")
_ALWAYS = {
    "when": pa.timestamp("us", tz="UTC"),
    "image_id": pa.string(),
    "version": pa.int32(),
    "run_id": pa.string(),
    "route": pa.string(),
    "predicted": pa.string(),
}
_SOMETIMES = {
    **dict.fromkeys(("source", "view", "sex", "manufacturer", "window_path"), pa.string()),
    "bits": pa.int16(),
    "age": pa.float64(),
    **dict.fromkeys(QUALITY_FIGURES, pa.float64()),
    **dict.fromkeys(EMBEDDING, pa.float32()),
}
_PROBABILITY = re.compile(r"p_[a-z0-9_]{1,40}")
_IMAGE_ID = r"^[0-9a-f]{64}$"


def append_scores(objects: Objects, table: pd.DataFrame, name: str | None = None) -> str | None:
    """Add predictions to the log.

    Args:
        objects: the store.
        table: a row for each image: `when` (UTC), `image_id` (sha256 in hex), `version` and `run_id` of the model,
            `route` (one of `ROUTES`), `p_<class>` and `predicted`; where they are known `source`, `view`, `sex`,
            `age`, `manufacturer`, `bits`, `window_path`, the quality figures, and `EMBEDDING` on the axes of the
            model's reference.
        name: of these very answers, which are added once however often they are brought: they are filed under the day
            of the first `when`, and not today; a name of their own is drawn without.

    Returns:
        Key of the new object; None where the table is empty or was added before, and nothing was written.

    Raises:
        InvalidInput: a column is missing or another, or a cell is not what its column holds. Nothing was written.
    """
    if table.empty:
        return None
    types = _column_types(table.columns)
    if not table["image_id"].astype(str).str.fullmatch(_IMAGE_ID).all():
        raise InvalidInput("an image in the scoring log is named by the sha256 of its bytes alone: 64 hex digits")
    if not table["route"].isin(ROUTES).all():
        raise InvalidInput(f"a prediction was made by one of {', '.join(ROUTES)}: name its route so")
    try:
        columns = [pa.array(table[name], kind, from_pandas=True) for name, kind in types.items()]
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidInput("a cell of the scoring log is not what its column holds; see append_scores") from error
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, list(types)), buffer, compression="zstd")
    when = datetime.now(UTC) if name is None else table["when"].iloc[0]
    key = f"{PREFIX}{when:%Y-%m-%d/%H%M%S%f}-{name or secrets.token_hex(4)}.parquet"
    if not objects.create(key, buffer.getvalue()):
        if name is not None:
            return None
        raise InvalidInput(f"{key} is in the store already: two writers drew one name; append the scores again")
    return key


def load_scores(objects: Objects, since: date, until: date, run_id: str | None = None) -> pd.DataFrame:
    """What was written on the days from `since` to `until`, both included, in that order.

    Args:
        objects: the store.
        since: first day, UTC.
        until: last day, UTC.
        run_id: MLflow run of the model whose answers are wanted; None for those of all.

    Returns:
        The columns that any of the tables has, empty where one lacks it.

    Raises:
        InvalidInput: a file of these days is damaged.
    """
    days = [since + timedelta(days=day) for day in range((until - since).days + 1)]
    keys = [info.key for day in days for info in objects.list(f"{PREFIX}{day:%Y-%m-%d}/")]
    logged = (_parse(key, data, run_id) for key, data in get_all(objects, keys))
    tables = [pa.schema(list(_ALWAYS.items())).empty_table(), *logged]
    scores: pd.DataFrame = pa.concat_tables(tables, promote_options="default").to_pandas()
    return scores


def _parse(key: str, data: bytes, run_id: str | None) -> pa.Table:
    try:
        table = pq.read_table(io.BytesIO(data))
        sound = table.schema.equals(pa.schema(list(_column_types(table.column_names).items())))
    except (pa.ArrowException, OSError, InvalidInput):
        sound = False
    if not sound:
        raise InvalidInput(
            f"{key} in the store is no part of the scoring log, so nobody can say what was predicted that day. Restore "
            "it as it was, or remove it."
        )
    return table if run_id is None else table.filter(pc.equal(table["run_id"], run_id))


def _column_types(names: Iterable[str]) -> dict[str, pa.DataType]:
    """Type of each column, in a fixed order.

    Raises:
        InvalidInput: one is missing, or may not be there.
    """
    given = list(names)
    probabilities = {name: pa.float32() for name in given if _PROBABILITY.fullmatch(name)}
    known = {**_ALWAYS, **probabilities, **_SOMETIMES}
    missing, strange = set(_ALWAYS).difference(given), set(given).difference(known)
    if missing or strange or not probabilities:
        raise InvalidInput(
            f"the scoring log has always {', '.join(_ALWAYS)} and p_<class>, and nothing that could tell who was "
            f"X-rayed. Missing: {', '.join(sorted(missing)) or 'none'}; not allowed: {len(strange)}."
        )
    return {name: known[name] for name in known if name in given}
