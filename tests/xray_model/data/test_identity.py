"""Identity: pseudonyms, near duplicates, and the leaks they make."""

import tracemalloc

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


@st.composite
def draw_rows(draw: st.DrawFn) -> pd.DataFrame:
    """Images of three pictures in two splits: some the same file, some alike, some unlike, some without a hash."""
    row = st.tuples(
        st.sampled_from([f"i{place}" for place in range(30)]),
        st.one_of(st.none(), st.builds(phash, st.integers(1, 3), st.integers(0, 60))),
        st.sampled_from(["train", "test"]),
        st.sampled_from([None, None, "P", "Q"]),
    )
    rows = draw(st.lists(row, min_size=1, max_size=25))
    return pd.DataFrame(rows, columns=["image_id", "phash", "split", "patient_id"], dtype=object)


drawn_frames = draw_rows()


def alike(left: str | None, right: str | None) -> bool:
    """Whether two hashes are near."""
    return bool(left and right and (int(left, 16) ^ int(right, 16)).bit_count() <= NEAR_DUPLICATE_BITS)


def plain_duplicates(new: pd.DataFrame, known: pd.DataFrame) -> list[tuple[str | None, str | None]]:
    """Kind and twin of each new image, by the rule alone."""
    ids, hashes, splits = (list(known[name]) + list(new[name]) for name in ("image_id", "phash", "split"))
    kinds: list[str | None] = ["exact" if name in ids[:place] else None for place, name in enumerate(ids)]
    found: list[tuple[str | None, str | None]] = []
    for place in range(len(known), len(ids)):
        earlier = [
            other
            for other in range(place)
            if alike(hashes[place], hashes[other]) and (kinds[other] != "exact" and kinds[other] != "leak")
        ]
        across = [other for other in earlier if splits[other] != splits[place]]
        if kinds[place]:
            found.append(("exact", ids[place]))
        elif across or earlier:
            kinds[place] = "leak" if across else "near"
            found.append((kinds[place], ids[(across or earlier)[0]]))
        else:
            found.append((None, None))
    return found


def plain_patients(new: pd.DataFrame, known: pd.DataFrame) -> list[str]:
    """Patient of each new image, by the rule alone."""
    ids, hashes, told = (list(known[name]) + list(new[name]) for name in ("image_id", "phash", "patient_id"))
    patients = list(told)
    for place in range(len(known), len(ids)):
        twins = [
            other for other in range(len(ids)) if alike(hashes[place], hashes[other]) and (other < place or told[other])
        ]
        if not told[place]:
            patients[place] = patients[twins[0]] if twins else pseudonymise(f"image:{ids[place]}", SALT)
    return patients[len(known) :]


def plain_leaks(rows: pd.DataFrame, compared: dict[str, list[str]]) -> list[bool]:
    """Which rows leave, by the rule alone."""
    ids, hashes, splits, batches = (list(rows[name]) for name in ("image_id", "phash", "split", "batch_id"))
    leaves = [name in ids[:place] for place, name in enumerate(ids)]
    for place in range(len(ids)):
        leaves[place] |= any(
            alike(hashes[place], hashes[other]) and splits[place] != splits[other] and not leaves[other]
            for other in range(place)
            if batches[place] != batches[other]
            and batches[other] not in compared[batches[place]]
            and batches[place] not in compared[batches[other]]
        )
    return leaves


@given(patient=st.text(min_size=1))
def test_pseudonym_depends_on_patient_and_salt(patient: str) -> None:
    """One patient has one pseudonym under one salt, and another under another."""
    assert pseudonymise(patient, SALT) == pseudonymise(patient, SALT)
    assert pseudonymise(patient, SALT) != pseudonymise(patient, b"other")
    assert patient not in pseudonymise(patient, SALT) or len(patient) < 3


@given(new=drawn_frames, known=drawn_frames)
def test_duplicates_are_those_of_a_plain_loop(new: pd.DataFrame, known: pd.DataFrame) -> None:
    """What is found equals what the rule says, applied to one pair after another."""
    found = find_duplicates(new, known)
    expected = plain_duplicates(new, known)
    assert list(zip(found["duplicate_kind"], found["duplicate_of"], strict=True)) == expected


@given(new=drawn_frames, known=drawn_frames)
def test_patients_are_those_of_a_plain_loop(new: pd.DataFrame, known: pd.DataFrame) -> None:
    """Every image has the patient that the rule gives it, applied to one pair after another."""
    known = known.assign(patient_id=[patient or "known" for patient in known["patient_id"]])
    assert assign_patients(new, known, SALT).tolist() == plain_patients(new, known)


@given(rows=drawn_frames, seen=st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3))))
def test_leaks_are_those_of_a_plain_loop(rows: pd.DataFrame, seen: set[tuple[int, int]]) -> None:
    """The rows that leave are those that the rule names, applied to each pair that was not compared."""
    rows = rows.assign(batch_id=[f"b{place * 4 // len(rows)}" for place in range(len(rows))])
    compared = {f"b{one}": [f"b{other}" for place, other in seen if place == one] for one in range(4)}
    assert find_leaks(rows, compared).tolist() == plain_leaks(rows, compared)


def test_many_copies_of_one_picture() -> None:
    """Thousands of copies of one picture are each named after the first, in little memory."""
    copies = frame(*((f"i{place}", phash(1, place % 9), "train") for place in range(6000)), ("t", phash(1), "test"))
    tracemalloc.start()
    found = find_duplicates(copies, EMPTY)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found["duplicate_of"].tolist() == [None, *["i0"] * 6000]
    assert found["duplicate_kind"].tolist() == [None, *["near"] * 5999, "leak"]
    assert peak < 100 * 2**20


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
    rows["batch_id"] = ["b1", "b2", "b3"]
    assert rows.loc[find_leaks(rows, {}), "image_id"].tolist() == ["c"]


def test_batches_that_saw_each_other_are_not_compared_again() -> None:
    """A pair of batches is passed over when either was compared with the other, and equal bytes never are."""
    rows = frame(("a", phash(1), "test"), ("b", phash(1, 9), "train"), ("a", phash(1), "test"))
    rows["batch_id"] = ["b1", "b2", "b2"]
    assert find_leaks(rows, {"b1": ["b0"], "b2": ["b0"]}).tolist() == [False, True, True]
    assert find_leaks(rows, {"b2": ["b0", "b1"]}).tolist() == [False, False, True]
    assert find_leaks(rows, {"b1": ["b2"]}).tolist() == [False, False, True]


def test_of_two_equal_files_one_stays() -> None:
    """Where two ingests accepted the same file at once, the later row leaves and the first stays."""
    rows = frame(("a", phash(1), "train"), ("a", phash(1), "train"), ("b", phash(2), "train"))
    rows["batch_id"] = ["b1", "b2", "b2"]
    assert find_leaks(rows, {}).tolist() == [False, True, False]


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
