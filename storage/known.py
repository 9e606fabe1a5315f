"""What new images are compared with: of all that was ever committed, the rows that still count."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from storage.catalog import batch_family, current_batches
from storage.decisions import load_tables_now
from storage.objects import Objects


@dataclass(frozen=True, slots=True)
class KnownRows:
    """What new images are compared with."""

    rows: pd.DataFrame
    batches: tuple[str, ...]
    """The batches of which accepted rows are among `rows`, by id: what a commit records as compared."""


def load_known(
    objects: Objects, columns: Sequence[str], statuses: Collection[str] = ("accepted",), without: str = ""
) -> KnownRows:
    """The rows that new images are compared with: of current batches, of each file the newest, the oldest batch first.

    Status and finding are those that count now, after what stewards decided.

    Args:
        objects: the store.
        columns: names out of `SCHEMA`.
        statuses: keep only rows with one of these.
        without: a family of batches to leave out (`batch_family`), for a batch that is read again; none where empty.
    """
    batches = [batch for batch in current_batches(objects) if not without or batch_family(batch) != without]
    wanted = list(dict.fromkeys([*columns, "batch_id", "key", "revision", "status"]))
    rows, _ = load_tables_now(objects, wanted, batches)
    newest = newest_rows(rows)
    seen = rows["batch_id"][newest & (rows["status"] == "accepted")].unique()
    kept = rows[list(columns)][newest & rows["status"].isin(statuses)].reset_index(drop=True)
    return KnownRows(kept, tuple(sorted(seen)))


def newest_rows(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Of rows of one file sent more than once, in one batch's revisions, only the last counts, whatever its status.

    Args:
        rows: `batch_id`, `key` and `revision`, the oldest batch first. A key names a file within one family alone:
            members of two archives can have one key.

    Returns:
        A mask indexed like `rows`.
    """
    codes, batches = pd.factorize(rows["batch_id"])
    families, names = pd.factorize(pd.Index([batch_family(batch) for batch in batches], dtype=str))
    several = np.bincount(families, minlength=len(names)) > 1
    revised = rows.loc[several[families][codes], ["key", "revision"]]
    revised = revised.assign(family=families[codes][several[families][codes]])
    last = revised.sort_values("revision", kind="stable").drop_duplicates(["family", "key"], keep="last").index
    return pd.Series(~rows.index.isin(revised.index.difference(last)), index=rows.index)
