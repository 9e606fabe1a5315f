"""Who and what an image is: pseudonyms of patients, exact and near duplicates, and the leaks they make."""

import hashlib
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from xray_model.data.similarity import NOWHERE, Words, first_near, hash_words, near_before, near_within

NEAR_DUPLICATE_BITS = 40
"""Bits of the 256 in which two perceptual hashes of one picture may differ.

Measured on 2,201 public radiographs (2.4 million pairs): all 12 known near-duplicate pairs differ in at most
12 bits, four re-published crops and edits in 18 to 36, and all other pairs in 44 and more.
"""

Places = npt.NDArray[np.int64]


def pseudonymise(patient: str, salt: bytes) -> str:
    """The pseudonym of a source's patient id: 32 hex digits of sha256(salt + id)."""
    return hashlib.sha256(salt + patient.encode()).hexdigest()[:32]


def assign_patients(new: pd.DataFrame, known: pd.DataFrame, salt: bytes) -> pd.Series:
    """Pseudonyms for every new image, also where the source tells no patients apart.

    Images without a patient that look alike are taken for one patient's, so that they cannot be torn apart by the
    split: such an image joins the earliest picture like it, else it stands for a patient of its own.

    Args:
        new: `image_id`, `phash` and `patient_id` (None where unknown), in the order in which they arrived.
        known: the same columns for the images in the catalog, the oldest first, none without a patient.
        salt: of the pseudonyms.

    Returns:
        Pseudonyms indexed like `new`.
    """
    patients = new["patient_id"].astype(object).where(new["patient_id"].notna(), None).to_numpy(copy=True)
    named = new["patient_id"].notna().to_numpy()
    hashed = np.flatnonzero(new["phash"].notna())
    words = hash_words(new["phash"].iloc[hashed])
    lost = np.flatnonzero(~named[hashed])
    before = known[["phash", "patient_id"]].dropna()
    if len(lost) and len(before):
        one_group = np.zeros(len(before), np.intp)
        first = first_near(words[lost], hash_words(before["phash"]), one_group, NEAR_DUPLICATE_BITS)[:, 0]
        seen = first != NOWHERE
        patients[hashed[lost[seen]]] = before["patient_id"].iloc[first[seen]]
        lost = lost[~seen]
    twins: dict[int, int] = {}
    for rows, near in near_within(words, lost, NEAR_DUPLICATE_BITS):
        # What arrives later gives its patient only where the source told it.
        allowed = near & (named[hashed] | (np.arange(len(words)) < lost[rows, None]))
        for row in np.flatnonzero(allowed.any(axis=1)):
            twins[int(hashed[lost[rows][row]])] = int(hashed[allowed[row].argmax()])
    for place in np.flatnonzero(pd.isna(patients)).tolist():
        twin = twins.get(place)
        alone = twin is None
        patients[place] = pseudonymise(f"image:{new['image_id'].iat[place]}", salt) if alone else patients[twin]
    return pd.Series(patients, index=new.index, dtype=object)


def find_duplicates(new: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Say of each new image which earlier one it repeats.

    Args:
        new: rows with `image_id`, `phash` and `split`, in the order in which they arrived; `phash` may be
            missing where nothing could be decoded.
        known: the same columns for the images in the catalog, the oldest first.

    Returns:
        A frame indexed like `new` with `duplicate_of` (image id or None) and `duplicate_kind`: `exact` (the same
        bytes), `leak` (nearly the same picture in another split), `near` (in the same split), or None. An image
        is compared with the known ones and with the new ones before it; a leak is reported before a near
        duplicate in the same split, and what leaves as a leak itself makes no other image leave.
    """
    columns = ["image_id", "phash", "split"]
    everything = pd.concat([known[columns], new[columns]], ignore_index=True)
    ids = everything["image_id"]
    exact = (ids.duplicated() & ids.notna()).to_numpy()
    hashed = np.flatnonzero(everything["phash"].notna().to_numpy() & ~exact)
    splits = pd.factorize(everything["split"], use_na_sentinel=False)[0][hashed]
    oldest = int(np.searchsorted(hashed, len(known)))
    leaks, alike = _find_twins(hash_words(everything["phash"].iloc[hashed]), splits, oldest)
    twins: npt.NDArray[np.object_] = np.full(len(new), None, dtype=object)
    kinds = twins.copy()
    for kind, found in (("near", alike), ("leak", leaks)):
        seen = found != NOWHERE
        places = hashed[oldest:][seen] - len(known)
        twins[places], kinds[places] = ids.iloc[hashed[found[seen]]], kind
    twice = exact[len(known) :]
    twins[twice], kinds[twice] = new["image_id"][twice], "exact"
    return pd.DataFrame({"duplicate_of": twins, "duplicate_kind": kinds}, index=new.index, dtype=object)


def find_contradictions(new: pd.DataFrame, known: pd.DataFrame) -> pd.Index:
    """Index of the new images whose very bytes stand elsewhere under another finding: nobody knows which is right.

    Args:
        new: rows with `image_id` and `label`.
        known: the same columns for the images in the catalog.
    """
    columns = ["image_id", "label"]
    concerned = known.loc[known["image_id"].isin(new["image_id"]), columns]
    labels = pd.concat([concerned, new[columns]]).groupby("image_id")["label"].nunique()
    return new.index[new["image_id"].isin(labels.index[labels > 1])]


def find_leaks(rows: pd.DataFrame, compared: Mapping[str, Collection[str]]) -> "pd.Series[bool]":
    """Which rows must leave a snapshot because their picture stands there before, once more or in another split.

    Batches ingested at the same time do not see each other, so the catalog alone cannot rule this out. What a batch
    was compared with when it was ingested, itself included, is not compared again, but for equal bytes.

    Args:
        rows: `image_id`, `batch_id`, `phash` and `split` of everything the snapshot would hold, the oldest first.
        compared: the batches that each batch was compared with; one that is missing was compared with none.

    Returns:
        A mask indexed like `rows`; of each pair the later row leaves, and what leaves makes no other row leave.
    """
    leaves = rows["image_id"].duplicated().to_numpy(copy=True)
    hashed = rows["phash"].notna().to_numpy()
    splits = pd.factorize(rows["split"], use_na_sentinel=False)[0]
    codes, batches = pd.factorize(rows["batch_id"])
    for place, batch in enumerate(batches):
        unseen = set(batches[:place]).difference(compared.get(batch, ()))
        unseen = {other for other in unseen if batch not in compared.get(other, ())}
        if not unseen:
            continue
        here = np.flatnonzero((codes == place) & hashed & ~leaves)
        there = np.flatnonzero(np.isin(codes, np.flatnonzero(batches.isin(unseen))) & hashed & ~leaves)
        ours, theirs = hash_words(rows["phash"].iloc[here]), hash_words(rows["phash"].iloc[there])
        first = first_near(ours, theirs, splits[there], NEAR_DUPLICATE_BITS)
        leaves[here[_split_twins(first, splits[here])[0] != NOWHERE]] = True
    return pd.Series(leaves, index=rows.index)


def patients_in_two_splits(rows: pd.DataFrame) -> list[str]:
    """Pseudonyms that stand in more than one split of `rows` (`patient_id`, `split`): must be empty."""
    pairs = rows[["patient_id", "split"]].drop_duplicates()
    return sorted(pairs.loc[pairs["patient_id"].duplicated(), "patient_id"].unique())


def _find_twins(words: Words, splits: npt.NDArray[np.intp], known: int) -> tuple[Places, Places]:
    """The first earlier picture like each one after the `known`: in another split, and in its own, or `NOWHERE`."""
    fresh, sides = words[known:], splits[known:]
    leaks, alike = _split_twins(first_near(fresh, words[:known], splits[:known], NEAR_DUPLICATE_BITS), sides)
    for rows, near in near_before(fresh, NEAR_DUPLICATE_BITS):
        for row in np.flatnonzero(near.sum(axis=1) > 1):
            here = rows.start + row
            if leaks[here] != NOWHERE:
                continue
            twins = np.flatnonzero(near[row, :here])
            twins = twins[leaks[twins] == NOWHERE]
            other = sides[twins] != sides[here]
            if other.any():
                leaks[here] = known + twins[other.argmax()]
            elif len(twins):
                alike[here] = min(alike[here], known + twins[0])
    return leaks, alike


def _split_twins(first: Places, sides: npt.NDArray[np.intp]) -> tuple[Places, Places]:
    """Of the first near pictures by split, int64 [n, splits]: the first in a split not one's own, and in one's own."""
    own = sides[:, None] == np.arange(first.shape[1])
    leaks = np.where(own, NOWHERE, first).min(axis=1, initial=NOWHERE)
    return leaks, np.where(own, first, NOWHERE).min(axis=1, initial=NOWHERE)
