"""The feature cache: what the frozen part of a network made of each image, kept as float16 under its fingerprint.

It may be deleted at any time: a missing or damaged file is computed again. Two trainers may write one key at once: an
object is there whole or not at all, and either one's numbers are right.

The images as they are are kept by whole shards. Of another look at them, an augmented view or one with a part hidden,
often only some images of a shard are asked for, so its file is a table of the rows that were: it costs what was asked
for, and later rows are added by writing it anew. Of two trainers that add rows at once the later wins, and the other's
are computed again.
"""

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from storage.objects import Objects
from storage.shards import array_bytes, load_array
from xray_model.errors import InvalidInput, ObjectNotFound

Features = npt.NDArray[np.float16]
Rows = npt.NDArray[np.intp]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ShardLook:
    """One look at the images of one shard."""

    batch_id: str
    shard: int
    mark: str = ""
    """Of the look; empty for the images as they are."""

    @property
    def whole(self) -> bool:
        """Whether all images of the shard are kept."""
        return not self.mark

    def key(self, fingerprint: str) -> str:
        """Where its features lie."""
        of_look = f"-{self.mark}" if self.mark else ""
        return f"features/{fingerprint}/{self.batch_id}/{self.shard:04d}{of_look}.npy"


@dataclass(frozen=True, slots=True)
class ShardFeatures:
    """Features of some rows of a shard."""

    rows: Rows
    """int [k], increasing."""
    features: Features
    """float16 [k, ...]."""

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> "ShardFeatures":
        """No row at all."""
        return cls(np.zeros(0, np.intp), np.zeros((0, *shape), np.float16))

    def missing(self, wanted: Rows) -> Rows:
        """Which of these rows are not there, increasing, each once."""
        return np.setdiff1d(wanted, self.rows)

    def with_rows(self, rows: Rows, features: Features) -> "ShardFeatures":
        """With further rows, none of which is there yet."""
        together = np.concatenate([self.rows, rows])
        order = np.argsort(together)
        return ShardFeatures(together[order], np.concatenate([self.features, features])[order])

    def take(self, rows: Rows) -> Features:
        """Features of these rows, all of which must be there, in their order."""
        return self.features[np.searchsorted(self.rows, rows)]


def frozen_key(fingerprint: str) -> str:
    """Where a frozen part lies while other processes compute its features; as little worth as they are."""
    return f"features/{fingerprint}.keras"


class FeatureCache:
    """The kept features of one frozen part."""

    def __init__(self, objects: Objects, fingerprint: str, shape: tuple[int, ...], most_bytes: int | None) -> None:
        """Open the cache.

        Args:
            objects: the store.
            fingerprint: of the frozen part: another one reads and writes other keys.
            shape: of one image's features.
            most_bytes: of all features under this fingerprint; None where another process keeps to the bound.
        """
        self._objects = objects
        self._fingerprint = fingerprint
        self._shape = shape
        self._table = np.dtype([("row", "<i4"), ("features", "<f2", shape)])
        self._most_bytes = most_bytes
        self._taken = 0
        self._told = False

    def load(self, place: ShardLook) -> ShardFeatures:
        """The rows that are kept: none where the file is missing, damaged or foreign."""
        key = place.key(self._fingerprint)
        try:
            return self._read_rows(load_array(self._objects.get(key), key), key, whole=place.whole)
        except ObjectNotFound:
            return ShardFeatures.none(self._shape)
        except InvalidInput as error:
            _log.warning("%s: computing it again", error)
            return ShardFeatures.none(self._shape)

    def take_room(self, images: int) -> bool:
        """Whether the features of so many more images may be kept, which then count; where not, it is logged once."""
        wanted = images * self._table.itemsize
        if self._most_bytes is None or self._held + self._taken + wanted <= self._most_bytes:
            self._taken += wanted
            return True
        if not self._told:
            self._told = True
            _log.warning(
                "the kept features of this network take %d MB, and %d more would pass the %d MB allowed "
                "(XRAY_FEATURE_BYTES): what does not fit is computed anew each time",
                *(round(size / 1e6) for size in (self._held + self._taken, wanted, self._most_bytes)),
            )
        return False

    def save(self, place: ShardLook, found: ShardFeatures) -> None:
        """Keep features, room for which was taken: of the images as they are, those of every row of the shard.

        Args:
            place: the shard and the look.
            found: all rows that are to be kept, the ones that were there included.
        """
        if place.whole:
            data = array_bytes(found.features)
        else:
            table = np.empty(len(found.rows), self._table)
            table["row"], table["features"] = found.rows, found.features
            data = array_bytes(table)
        self._objects.put(place.key(self._fingerprint), data)

    @cached_property
    def _held(self) -> int:
        """Bytes that lay there when room was first asked for."""
        return sum(info.size for info in self._objects.list(f"features/{self._fingerprint}/"))

    def _read_rows(self, array: npt.NDArray[Any], key: str, *, whole: bool) -> ShardFeatures:
        if whole and array.dtype == np.float16 and array.shape[1:] == self._shape:
            return ShardFeatures(np.arange(len(array)), array.astype(np.float16, copy=False))
        if not whole and array.dtype == self._table and array.ndim == 1:
            rows = array["row"].astype(np.intp)
            if (np.diff(rows) > 0).all():
                return ShardFeatures(rows, array["features"])
        raise InvalidInput(f"{key} in the store is not features of this network")
