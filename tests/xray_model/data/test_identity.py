"""Identity: pseudonyms, near duplicates, and the leaks they make."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from xray_model.data.identity import (
    NEAR_DUPLICATE_BITS,
    assign_patients,
    find_contradictions,
    find_duplicates,
    find_leaks,
    hash_words,
    near_pairs,
    patients_in_two_splits,
    pseudonymise,
)

SALT = b"salt"
EMPTY = pd.DataFrame({"image_id": [], "phash": [], "split": [], "patient_id": []}, dtype=object)


def phash(base: int, flipped: int = 0) -> str:
    """A hash of its own for each `base`, with `flipped` bits turned."""
    value = int.from_bytes(np.random.default_rng(base).bytes(32), "big")
    for bit in range(flipped):
        value ^= 1 << bit
    return f"{value:064x}"


def frame(*rows: tuple[str, str | None, str]) -> pd.DataFrame:
    """Rows of image id, hash and split."""
    return pd.DataFrame(rows, columns=["image_id", "phash", "split"], dtype=object)


@given(patient=st.text(min_size=1))
def test_pseudonym_depends_on_patient_and_salt(patient: str) -> None:
    """One patient has one pseudonym under one salt, and another under another."""
    assert pseudonymise(patient, SALT) == pseudonymise(patient, SALT)
    assert pseudonymise(patient, SALT) != pseudonymise(patient, b"other")
    assert patient not in pseudonymise(patient, SALT) or len(patient) < 3


@given(bits=st.integers(0, 120))
def test_near_pairs_counts_bits(bits: int) -> None:
    """Two hashes are near exactly when they differ in at most the allowed bits."""
    words = hash_words(pd.Series([phash(1), phash(1, bits)]))
    found = list(near_pairs(words[:1], words[1:]))
    assert found == ([(0, 0)] if bits <= NEAR_DUPLICATE_BITS else [])


def test_near_pairs_is_the_same_in_blocks() -> None:
    """Dividing the work changes nothing: all pairs equal those of a plain loop."""
    rng = np.random.default_rng(3)
    words = rng.integers(0, 2**63, (60, 4)).astype(np.uint64)
    words[41], words[7] = words[12], words[55]
    plain = [
        (i, j)
        for i in range(60)
        for j in range(60)
        if int(np.bitwise_count(words[i] ^ words[j]).sum()) <= NEAR_DUPLICATE_BITS
    ]
    assert list(near_pairs(words, words)) == plain


def test_same_bytes_are_an_exact_duplicate() -> None:
    """The same file again is named an exact duplicate of the first."""
    found = find_duplicates(frame(("a", phash(1), "train"), ("a", phash(1), "train")), EMPTY)
    assert found["duplicate_kind"].tolist() == [None, "exact"]
    assert found["duplicate_of"].tolist() == [None, "a"]


def test_near_duplicate_in_another_split_is_a_leak() -> None:
    """A picture like one in another split is a leak and names its twin, also against the catalog."""
    known = frame(("old", phash(1), "test"))
    found = find_duplicates(frame(("new", phash(1, 5), "train"), ("same", phash(1, 6), "test")), known)
    assert found["duplicate_kind"].tolist() == ["leak", "near"]
    assert found["duplicate_of"].tolist() == ["old", "old"]


def test_unreadable_images_are_no_duplicates() -> None:
    """Images without a hash resemble nothing."""
    found = find_duplicates(frame(("a", None, "train"), ("b", None, "test")), EMPTY)
    assert found["duplicate_kind"].isna().all()


def test_late_leaks_leave_the_snapshot() -> None:
    """Of two pictures alike in two splits, which parallel ingests could not see, the later leaves."""
    rows = frame(("a", phash(1), "test"), ("b", phash(2), "train"), ("c", phash(1, 9), "train"))
    assert rows.loc[find_leaks(rows), "image_id"].tolist() == ["c"]


def test_of_two_equal_files_one_stays() -> None:
    """Where two ingests accepted the same file at once, the later row leaves and the first stays."""
    rows = frame(("a", phash(1), "train"), ("a", phash(1), "train"), ("b", phash(2), "train"))
    assert find_leaks(rows).tolist() == [False, True, False]


def test_contradicting_findings_are_found_on_both_sides() -> None:
    """The same bytes under two findings are named wherever they are new."""
    known = pd.DataFrame({"image_id": ["k"], "label": ["covid"]})
    new = pd.DataFrame(
        {"image_id": ["a", "a", "b", "k", "c"], "label": ["covid", "normal", "covid", "normal", "covid"]}
    )
    assert find_contradictions(new, known).tolist() == [0, 1, 3]


def test_patients_of_their_own_for_images_without() -> None:
    """Without patient ids, images that look alike become one patient, and others stay apart."""
    new = pd.DataFrame(
        {"image_id": list("abcd"), "phash": [phash(1), phash(2), phash(1, 7), None], "patient_id": [None] * 4},
        dtype=object,
    )
    patients = assign_patients(new, EMPTY, SALT)
    assert patients.iloc[0] == patients.iloc[2]
    assert patients.nunique() == 3


def test_image_without_patient_joins_its_known_twin() -> None:
    """An image without patient that repeats a known patient's picture is that patient's."""
    known = pd.DataFrame({"image_id": ["k"], "phash": [phash(4)], "patient_id": ["P"]}, dtype=object)
    new = pd.DataFrame({"image_id": ["n"], "phash": [phash(4, 3)], "patient_id": [None]}, dtype=object)
    assert assign_patients(new, known, SALT).tolist() == ["P"]


def test_patient_in_two_splits_is_found() -> None:
    """A patient on both sides is named."""
    rows = pd.DataFrame({"patient_id": ["p", "p", "q"], "split": ["train", "test", "test"]})
    assert patients_in_two_splits(rows) == ["p"]
