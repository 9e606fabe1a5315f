"""The batches as a steward looks at them: what became of each image, why, and what was decided since.

What a page needs is read once and kept: a catalog file and a decision never change.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from threading import Lock

import pandas as pd
from cachetools import LRUCache

from storage import catalog, distributions
from storage.decisions import PREFIX as DECISIONS
from storage.decisions import Recorded, fold_readings, read_decisions, record_decision
from storage.distributions import Spread
from storage.objects import Objects, get_all
from storage.settling import apply_holds
from xray_model.data import decisions as domain
from xray_model.data.causes import Cause, find_cause
from xray_model.data.decisions import Decision, Proposal, in_order, never_released
from xray_model.errors import InvalidInput, ObjectNotFound
from xray_model.outcomes import BatchOutcome

CLUES = ("manufacturer", "view", "sex", "mode", "bits", "window_path")
"""Columns that may tell where the refused images of a batch come from."""
COLUMNS = tuple(
    dict.fromkeys(
        [*domain.COLUMNS, "row", "reasons", "width", "height", "duplicate_of", *CLUES, *distributions.COLUMNS]
    )
)
"""What a steward may see of a row, the patient's pseudonym aside; never a key, which can hold a name."""
NO_REASON = "Sound, waits with its batch"

_MOST_ROWS = 500_000
"""Rows kept in memory, about a kilobyte each."""
_MOST_NAMED = 1_000_000
"""Images that the decisions kept in memory name, about 120 bytes each."""


@dataclass(frozen=True)
class Review:
    """One batch with all its images."""

    outcome: BatchOutcome
    """As it was committed, and held where it was since."""
    rows: pd.DataFrame
    """`COLUMNS` with `status` and `label` as they count now, and `was` (the status it came to by itself), `recorded`
    (the finding that the source recorded), `decision` (id of the last decision that changed it, or None), and `never`
    (why it can never be released, or None)."""
    decisions: tuple[Decision, ...]
    """Those on this reading of the batch and on the ones before it, in order."""

    def __len__(self) -> int:
        """Rows, which is what it weighs in memory."""
        return len(self.rows) + 1

    @cached_property
    def statuses(self) -> dict[str, int]:
        """Images by status as they count now."""
        return {str(name): int(count) for name, count in self.rows["status"].value_counts().items()}

    @cached_property
    def places(self) -> dict[str, int]:
        """Where an image stands in `rows`; of two rows of one image the one that has pixels."""
        order = self.rows.sort_values("shard", kind="stable", na_position="first")
        return dict(zip(order["image_id"], order.index, strict=True))

    def find(self, image_id: str) -> pd.Series:
        """The row of an image.

        Raises:
            ObjectNotFound: the batch has no such image.
        """
        if image_id not in self.places:
            raise ObjectNotFound(f"batch {self.outcome.batch_id} has no such image")
        return self.rows.iloc[self.places[image_id]]

    @cached_property
    def told(self) -> pd.Series:
        """Each reason of each image that was not accepted by itself; its index, with repeats, is that of `rows`."""
        refused = self.rows.loc[self.rows["was"] != "accepted", "reasons"]
        return refused.map(lambda reasons: list(reasons) if len(reasons) else [NO_REASON]).explode()

    @cached_property
    def accepted(self) -> Spread:
        """How its accepted images are spread."""
        return Spread.of(self.rows[self.rows["status"] == "accepted"])

    @cached_property
    def spread(self) -> Spread:
        """How all its images are spread."""
        return Spread.of(self.rows)

    @cached_property
    def cause(self) -> Cause | None:
        """What stands out among the images that were refused, if anything does."""
        return find_cause(self.rows, self.rows["was"] == "quarantined", CLUES)


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """One batch in a list."""

    outcome: BatchOutcome
    committed: datetime
    """UTC."""
    statuses: dict[str, int]
    """Images by status as they count now."""

    @property
    def held(self) -> int:
        """Sound images that wait for a person."""
        return self.statuses.get("held", 0)

    @property
    def quarantined(self) -> int:
        """Refused images that nobody has decided about."""
        return self.statuses.get("quarantined", 0)


@dataclass(frozen=True, slots=True)
class _Committed:
    """What a catalog file says by itself, without decisions."""

    outcome: BatchOutcome
    accepted: Spread


class Desk:
    """What is on a steward's desk. Safe to use from many threads."""

    def __init__(self, objects: Objects) -> None:
        """The desk of a store."""
        self.objects = objects
        self._lock = Lock()
        self._committed: dict[str, _Committed] = {}
        self._recording = Lock()
        self._reading: dict[str, Lock] = {}
        self._decisions: LRUCache[str, Decision] = LRUCache(_MOST_NAMED, getsizeof=_weigh_decision)
        self._reviews: LRUCache[str, Review] = LRUCache(_MOST_ROWS, getsizeof=len)

    def list_batches(self) -> list[BatchSummary]:
        """Every current batch, the newest first."""
        committed = {info.key: info.modified for info in self.objects.list(catalog.PREFIX)}
        order = catalog.current_batches(self.objects)[::-1]
        self._read_committed(order)
        decided = self._decided_families()
        return [
            self._summarise(
                batch_id,
                committed[catalog.catalog_key(batch_id)],
                decided=catalog.batch_family(batch_id) in decided,
            )
            for batch_id in order
            if catalog.catalog_key(batch_id) in committed
        ]

    def list_decisions(self, batch_id: str | None = None) -> list[Decision]:
        """All decisions, or those on every reading of one batch, in order."""
        prefix = DECISIONS if batch_id is None else f"{DECISIONS}{catalog.batch_family(batch_id)}"
        keys = [info.key for info in self.objects.list(prefix)]
        with self._lock:
            found = {key: self._decisions[key] for key in keys if key in self._decisions}
        read = read_decisions(self.objects, [key for key in keys if key not in found])
        with self._lock:
            self._decisions.update(read)
        return in_order((found | read).values())

    def record(self, proposal: Proposal, token: str) -> Recorded:
        """`record_decision`, one at a time: a form that is sent twice at once leaves one object and is told of once."""
        with self._recording:
            return record_decision(self.objects, proposal, token)

    def review(self, batch_id: str) -> Review:
        """One batch with its images as they count now.

        Raises:
            ObjectNotFound: there is no such batch.
            InvalidInput: it was read again since.
        """
        family = catalog.batch_family(batch_id)
        if batch_id not in (current := catalog.current_batches(self.objects, family)):
            if batch_id in catalog.batch_ids(self.objects, family):
                raise InvalidInput(f"batch {batch_id} was read again since: look at {', '.join(current)} instead")
            raise ObjectNotFound(f"there is no batch {batch_id!r} in the catalog")
        return self._review(batch_id)

    def spread_accepted(self, without: str) -> Spread:
        """How the images that count as accepted now are spread, those of the batch `without` left out."""
        others = [one for one in catalog.current_batches(self.objects) if one != without]
        self._read_committed(others)
        decided = self._decided_families()
        spreads = [
            self._review(one).accepted if catalog.batch_family(one) in decided else self._committed[one].accepted
            for one in others
        ]
        return Spread.total(spreads)

    def _decided_families(self) -> set[str]:
        return {catalog.batch_family(info.key.split("/")[1]) for info in self.objects.list(DECISIONS)}

    def _review(self, batch_id: str) -> Review:
        decisions = self.list_decisions(batch_id)
        ids = [decision.id for decision in decisions]
        with self._lock:
            reading = self._reading.setdefault(batch_id, Lock())
        with reading:  # who comes while it is read waits for it, instead of reading the same again
            with self._lock:
                known = self._reviews.get(batch_id)
            if known is not None and [decision.id for decision in known.decisions] == ids:
                return known
            made = read_review(self.objects, batch_id, decisions)
            with self._lock:
                if len(made) < _MOST_ROWS:
                    self._reviews[batch_id] = made
            return made

    def _read_committed(self, batch_ids: Sequence[str]) -> None:
        keys = {catalog.catalog_key(one): one for one in batch_ids if one not in self._committed}
        for key, data in get_all(self.objects, keys):
            rows, outcome = catalog.parse_batch(keys[key], data, ["status", "label", *distributions.COLUMNS])
            accepted = Spread.of(rows[rows["status"] == "accepted"])
            self._committed[keys[key]] = _Committed(outcome, accepted)

    def _summarise(self, batch_id: str, committed: datetime, *, decided: bool) -> BatchSummary:
        outcome = self._committed[batch_id].outcome
        if decided:
            review = self._review(batch_id)
            return BatchSummary(review.outcome, committed, review.statuses)
        counts = {name: getattr(outcome, name) for name in ("accepted", "quarantined", "held")}
        return BatchSummary(outcome, committed, counts)


def read_review(objects: Objects, batch_id: str, decisions: Sequence[Decision]) -> Review:
    """Read a batch and fold these decisions, which are all those on any of its readings, over its rows."""
    rows, outcome = catalog.parse_batch(batch_id, objects.get(catalog.catalog_key(batch_id)), COLUMNS)
    on_readings: dict[str, list[Decision]] = {}
    for decision in decisions:
        on_readings.setdefault(decision.batch_id, []).append(decision)
    folded = fold_readings(rows, batch_id, on_readings)
    now = rows.assign(
        was=rows["status"],
        recorded=rows["label"],
        status=folded["status"],
        label=folded["label"],
        decision=folded["decision"],
        never=never_released(rows),
    )
    return Review(apply_holds(outcome, decisions), now, tuple(decisions))


def _weigh_decision(decision: Decision) -> int:
    return len(decision.image_ids) + 1


def count_reasons(review: Review, rows: pd.DataFrame) -> list[tuple[str, int]]:
    """How many of `rows` (some of the review's) have each reason, the most common first."""
    told = review.told[review.told.index.isin(rows.index)]
    return Counter(told).most_common()
