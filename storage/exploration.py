"""What a page on a snapshot needs of the store: its rows with the sizes of the files, and the pixels of some."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from storage.catalog import batch_ids
from storage.decisions import load_rows_now
from storage.ledger import GateEntry, load_entries
from storage.objects import Objects
from storage.retrainings import find_retrainings
from storage.shards import load_image
from storage.snapshots import gather_snapshot, load_snapshot, save_snapshot, snapshot_key
from xray_model.config import SnapshotOptions
from xray_model.data.intensities import LEVELS, measure_levels
from xray_model.errors import InvalidInput, ObjectNotFound
from xray_model.outcomes import TrainingOutcome
from xray_model.progress import advance

_FOLDER = "snapshots/"
_BATCHES_AT_ONCE = 16
_IMAGES_AT_ONCE = 256
_READERS = 16
_NAMED = 5
_REPEATS = {"exact": "the same file once more", "leak": "nearly like an image in another split"}
_FACTS = ("batch_id", "image_id", "shard", "width", "height")


@dataclass(frozen=True, slots=True)
class Explored:
    """The rows of a snapshot, with what it leaves to the catalog."""

    snapshot_id: str
    rows: pd.DataFrame
    """Its columns, and `width` and `height` in pixels, missing where the catalog does not tell them."""
    kept_out: dict[str, int]
    """Images of its batches that did not enter it because they repeat another, by reason."""
    gone: tuple[str, ...]
    """Batches that have left the catalog."""


@dataclass(frozen=True, slots=True)
class Trained:
    """One training on a snapshot."""

    version: int | None
    """Of its model; None where the gate did not judge it."""
    training: TrainingOutcome
    excluded: dict[str, int]
    """Accepted images that its snapshot left out, by reason."""


@dataclass(frozen=True, slots=True)
class Trainings:
    """The trainings on a snapshot, as the store's records tell them."""

    trained: tuple[Trained, ...]
    """The oldest first."""
    unreadable: int = 0
    """Records of trainings, on whatever snapshot, that another version of this project wrote."""


def choose_snapshot(objects: Objects, name: str | None, options: SnapshotOptions) -> str:
    """The id of the snapshot that is meant.

    Args:
        objects: the store.
        name: its id, or a beginning that no other has; None for the newest that the gate decided on, or one built now
            where there is none.
        options: of the one that is built.

    Raises:
        InvalidInput: there is none of this name, or several, or no accepted image to build one of.
    """
    if name is None:
        judged = [entry.snapshot_id for entry in load_entries(objects) if isinstance(entry, GateEntry)]
        found = next((one for one in reversed(judged) if objects.exists(snapshot_key(one))), None)
        if found is not None:
            return found
        rows, built = gather_snapshot(objects, options)
        if rows.empty:
            raise InvalidInput(
                f"there is nothing to explore: no image of {', '.join(options.classes)} is accepted. Send a batch with "
                "`xray push`, then read it with `xray ingest`."
            )
        save_snapshot(objects, rows, built.snapshot_id)
        return built.snapshot_id
    known = [info.key.removeprefix(_FOLDER).removesuffix(".parquet") for info in objects.list(_FOLDER)]
    meant = [one for one in known if one == name] or [one for one in known if name and one.startswith(name)]
    if len(meant) == 1:
        return meant[0]
    said = ", ".join((meant or known)[:_NAMED]) or "none"
    raise InvalidInput(
        f"{len(meant) or 'no'} snapshots begin with {name!r}; there {'are' if meant or known else 'is'} {said}. "
        "Give more of its id, or no name for the newest."
    )


def load_explored(objects: Objects, snapshot_id: str) -> Explored:
    """A snapshot with what the catalog knows of its images; some batches are read at a time.

    Raises:
        ObjectNotFound: there is no such snapshot.
    """
    rows = load_snapshot(objects, snapshot_id)
    batches = sorted(rows["batch_id"].unique())
    committed = set(batch_ids(objects))
    there = [batch_id for batch_id in batches if batch_id in committed]
    sizes, kept_out = [], dict.fromkeys(_REPEATS, 0)
    for start in range(0, len(there), _BATCHES_AT_ONCE):
        chosen = there[start : start + _BATCHES_AT_ONCE]
        facts = load_rows_now(objects, [*_FACTS, "status", "duplicate_kind"], chosen)
        refused = facts.loc[facts["status"] != "accepted", "duplicate_kind"].value_counts()
        for kind in kept_out:
            kept_out[kind] += int(refused.get(kind, 0))
        # Of two rows of one image, one alone has pixels.
        facts = facts.loc[facts["shard"].notna(), _FACTS].drop(columns="shard")
        sizes.append(facts.drop_duplicates(["batch_id", "image_id"]))
        advance("read the catalog", min(start + _BATCHES_AT_ONCE, len(there)), len(there))
    if sizes:
        rows = rows.merge(pd.concat(sizes, ignore_index=True), "left", ["batch_id", "image_id"])
    else:
        rows = rows.assign(width=np.nan, height=np.nan)
    gone = tuple(batch_id for batch_id in batches if batch_id not in committed)
    return Explored(snapshot_id, rows, {_REPEATS[kind]: images for kind, images in kept_out.items()}, gone)


def load_trainings(objects: Objects, snapshot_id: str) -> Trainings:
    """The trainings on a snapshot."""
    versions = {
        entry.run_id: entry.version for entry in load_entries(objects) if isinstance(entry, GateEntry) and entry.run_id
    }
    outcomes, unreadable = find_retrainings(objects, snapshot_id)
    trained = tuple(
        Trained(versions.get(outcome.training.run_id), outcome.training, outcome.snapshot.excluded)
        for outcome in outcomes
        if outcome.training and outcome.snapshot
    )
    return Trainings(trained, unreadable)


def draw_images(rows: pd.DataFrame, most: int, *, by_patient: bool = False) -> pd.DataFrame:
    """At most `most` rows drawn by chance, the same each time.

    An image id is the digest of the file, so that the order of the ids is one that nothing about the images has a say
    in; and a snapshot with a few images more gives mostly the same.

    Args:
        rows: `image_id`, and `patient_id` where one image of each patient is asked for.
        most: rows.
        by_patient: draw one image of each patient.
    """
    ordered = rows.sort_values("image_id")
    return (ordered.drop_duplicates("patient_id") if by_patient else ordered).head(most)


def load_pixels(objects: Objects, rows: pd.DataFrame, stage: str) -> Iterator[npt.NDArray[np.uint8] | None]:
    """Pixels uint8 [side, side] of each row (`batch_id`, `shard`, `row`), in their order; None where they are gone.

    A few hundred are held at a time.

    Raises:
        InvalidInput: a shard is damaged.
    """
    places = list(zip(rows["batch_id"], rows["shard"].astype(int), rows["row"].astype(int), strict=True))

    def read(place: tuple[str, int, int]) -> npt.NDArray[np.uint8] | None:
        try:
            return load_image(objects, *place)
        except ObjectNotFound:
            return None

    with ThreadPoolExecutor(min(_READERS, max(1, objects.readers))) as pool:
        for start in range(0, len(places), _IMAGES_AT_ONCE):
            yield from pool.map(read, places[start : start + _IMAGES_AT_ONCE])
            advance(stage, min(start + _IMAGES_AT_ONCE, len(places)), len(places))


def measure_intensities(
    objects: Objects, rows: pd.DataFrame, groups: Sequence[pd.Index]
) -> list[tuple[npt.NDArray[np.float64], int]]:
    """Mean shares of pixels by gray level [256] of each group of rows, every image with the same weight.

    Args:
        objects: the store.
        rows: `batch_id`, `shard`, `row` and `aspect`, with an index of its own for each row.
        groups: the index of the rows of each group; an image may stand in several and is read once.

    Returns:
        For each group the shares, all 0 without an image, and how many images they are the mean of.
    """
    chosen = rows.loc[pd.Index([]).append(list(groups)).unique()]
    members = [set(group) for group in groups]
    sums, images = np.zeros((len(groups), LEVELS)), [0] * len(groups)
    pixels = load_pixels(objects, chosen, "measure gray levels")
    for index, aspect, some in zip(chosen.index, chosen["aspect"], pixels, strict=True):
        if some is None:
            continue
        shares = measure_levels(some, float(aspect))
        for place, group in enumerate(members):
            if index in group:
                sums[place] += shares
                images[place] += 1
    return [(total / max(number, 1), number) for total, number in zip(sums, images, strict=True)]
