"""The contract of every store: one suite for directories and for buckets on a real S3 server."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.objects import Objects, get_all, open_objects
from xray_model.errors import ConfigurationError, InvalidInput, ObjectNotFound

LAWS = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))

_parts = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\" + "".join(map(chr, range(0xF780, 0xF800)))),
    min_size=1,
    max_size=8,
).filter(lambda part: part not in {".", ".."})
_near_parts = st.sampled_from(["a", "a-", "a.png", "b", "B", "0", "é", "a b", "a%2Fb", "a+b", "_READY", "~"])
_keys = st.lists(st.one_of(_near_parts, _parts), min_size=1, max_size=3).map("/".join)


def _without_clashes(keys: set[str]) -> set[str]:
    """`keys` without those that are a folder of another: a directory cannot hold both."""
    return {key for key in keys if not any(other.startswith(f"{key}/") for other in keys)}


key_sets = st.sets(_keys, min_size=1, max_size=7).map(_without_clashes)


def put_all(store: Objects, contents: dict[str, bytes]) -> None:
    """Write `contents` at once."""
    store.put_many(contents.items())


@LAWS
@given(keys=key_sets, data=st.data())
def test_what_is_put_is_got(new_store: Callable[[], Objects], keys: set[str], data: st.DataObject) -> None:
    """Every object comes back byte for byte, also in any order and many at a time."""
    store = new_store()
    contents = {key: data.draw(st.binary(max_size=50)) for key in keys}
    put_all(store, contents)
    wanted = data.draw(st.permutations(sorted(keys)))
    assert list(store.get_many(wanted)) == [(key, contents[key]) for key in wanted]
    assert store.get(wanted[0]) == contents[wanted[0]]


@LAWS
@given(keys=key_sets, data=st.data())
def test_list_is_sorted_and_complete(new_store: Callable[[], Objects], keys: set[str], data: st.DataObject) -> None:
    """A listing holds each key that begins with the prefix and is greater than `start_after`, once and in order."""
    store = new_store()
    put_all(store, {key: key.encode() for key in keys})
    near = st.sampled_from(sorted(keys)).flatmap(lambda key: st.integers(0, len(key)).map(lambda end: key[:end]))
    prefix = data.draw(near)
    start_after = data.draw(st.one_of(st.none(), near, _keys))
    listed = list(store.list(prefix, start_after))
    assert [info.key for info in listed] == sorted(
        key for key in keys if key.startswith(prefix) and key > (start_after or "")
    )
    assert all(info.size == len(info.key.encode()) for info in listed)
    assert all(info == store.head(info.key) for info in listed[:2])


@LAWS
@given(keys=key_sets, data=st.data())
def test_list_folders_gives_each_folder_once(
    new_store: Callable[[], Objects], keys: set[str], data: st.DataObject
) -> None:
    """The folders below a prefix are the beginnings of keys up to the next slash, in order."""
    store = new_store()
    put_all(store, dict.fromkeys(keys, b""))
    folders = {key[: key.rfind("/") + 1] for key in keys}
    prefix = data.draw(st.sampled_from(sorted({*folders, "", "a"})))
    rests = {key.removeprefix(prefix) for key in keys if key.startswith(prefix)}
    expected = sorted({f"{prefix}{rest.partition('/')[0]}/" for rest in rests if "/" in rest})
    assert list(store.list_folders(prefix)) == expected


@LAWS
@given(content=st.binary(max_size=40), start=st.integers(0, 50), length=st.integers(0, 10**12))
def test_get_range_is_a_slice(new_store: Callable[[], Objects], content: bytes, start: int, length: int) -> None:
    """A range is the same slice of the whole, empty behind its end."""
    store = new_store()
    store.put("a/b", content)
    assert store.get_range("a/b", start, length) == content[start : start + length]


@LAWS
@given(key=_keys, first=st.binary(max_size=10), second=st.binary(max_size=10))
def test_create_never_overwrites(new_store: Callable[[], Objects], key: str, first: bytes, second: bytes) -> None:
    """The first create makes the object, any later one changes nothing, until the object is deleted."""
    store = new_store()
    assert store.create(key, first)
    assert not store.create(key, second)
    assert store.get(key) == first
    store.delete(key)
    assert store.create(key, second)
    assert store.get(key) == second


def test_create_has_one_winner_of_twenty(objects: Objects) -> None:
    """Of twenty threads that create an object at once, one wins, and its content stands."""
    with ThreadPoolExecutor(20) as pool:
        won = list(pool.map(lambda number: objects.create("claim", b"%d" % number), range(20)))
    assert won.count(True) == 1
    assert objects.get("claim") == b"%d" % won.index(True)


def test_probe_finds_create_only_honoured(objects: Objects) -> None:
    """The probe is content with this store and leaves nothing in it."""
    assert objects.probe_create_only()
    assert list(objects.list()) == []


def test_put_overwrites(objects: Objects) -> None:
    """A second put replaces the object, and its etag changes."""
    objects.put("a", b"one")
    before = objects.head("a")
    objects.put("a", b"three")
    assert objects.get("a") == b"three"
    assert objects.head("a").etag != before.etag


def test_modified_is_now_in_utc(objects: Objects) -> None:
    """An object's time of change is known to the second or better."""
    objects.put("a", b"")
    (info,) = objects.list()
    assert info.modified.tzinfo is UTC
    assert abs(info.modified - datetime.now(UTC)) < timedelta(seconds=5)


def test_age_is_kept_where_a_store_can(objects: Objects) -> None:
    """In a directory an object gets back the time and the etag it had; in a bucket nothing happens."""
    objects.put("a", b"one")
    was = objects.head("a")
    objects.put("a", b"two")
    now = objects.head("a")
    objects.keep_time(was)
    assert objects.head("a") == (was if objects.url.startswith("file:") else now)
    elsewhere = replace(was, etag=f"{'0' * 32}-3", modified=datetime(2026, 5, 1, tzinfo=UTC))
    objects.keep_time(elsewhere)
    assert (objects.head("a").modified == elsewhere.modified) == objects.url.startswith("file:")


def test_missing_objects_are_told(objects: Objects, tmp_path: Path) -> None:
    """Every way to read an object that is not there says so, and leaves no file behind."""
    objects.put("a/b", b"")
    for key in ("a", "a/c", "x/y/z"):
        for read in (objects.get, objects.head, lambda key: objects.get_range(key, 0, 1)):
            with pytest.raises(ObjectNotFound):
                read(key)
        with pytest.raises(ObjectNotFound):
            objects.get_range(key, 0, 0)
        with pytest.raises(ObjectNotFound):
            objects.get_file(key, tmp_path / "copy")
        assert not objects.exists(key)
    assert objects.exists("a/b")
    assert list(tmp_path.iterdir()) == []


def test_delete_is_idempotent_and_leaves_no_folder(objects: Objects) -> None:
    """Deleting twice is fine, and no empty folder is listed or in the way afterwards."""
    objects.put("a/b/c", b"")
    objects.put("a/d", b"")
    for _ in range(2):
        objects.delete("a/b/c")
    assert [info.key for info in objects.list()] == ["a/d"]
    assert list(objects.list_folders("a/")) == []
    objects.put("a/b", b"now a file")
    assert objects.get("a/b") == b"now a file"


@pytest.mark.parametrize(
    "key", ["", "/a", "a//b", "a/", "..", "a/../b", "./a", "a\\b", "a\0b", "a\nb", "a\x85b", "\udcff", "k" * 1025]
)
def test_unsafe_keys_are_refused(objects: Objects, tmp_path: Path, key: str) -> None:
    """No method takes a key that is empty, absolute, too long, leads elsewhere, or holds what no key may hold."""
    (tmp_path / "file").write_bytes(b"")
    calls: list[Callable[[], object]] = [
        lambda: objects.get(key),
        lambda: objects.get_range(key, 0, 1),
        lambda: objects.head(key),
        lambda: objects.exists(key),
        lambda: objects.put(key, b""),
        lambda: objects.create(key, b""),
        lambda: objects.delete(key),
        lambda: objects.put_file(key, tmp_path / "file"),
        lambda: objects.get_file(key, tmp_path / "copy"),
    ]
    for call in calls:
        with pytest.raises(InvalidInput):
            call()
    assert list(objects.list()) == []


def test_negative_ranges_are_refused(objects: Objects) -> None:
    """A range before the first byte is an error, not the end of the object."""
    objects.put("a", b"123")
    for start, length in ((-1, 2), (0, -1)):
        with pytest.raises(InvalidInput):
            objects.get_range("a", start, length)


def test_files_are_copied_whole(objects: Objects, tmp_path: Path) -> None:
    """A file of several parts comes back as it was, over one that was there; an empty one as well."""
    for size in (20 * 2**20 + 7, 0):
        (tmp_path / "sent").write_bytes(os.urandom(size))
        objects.put_file("large/file", tmp_path / "sent")
        objects.get_file("large/file", tmp_path / "got")
        assert (tmp_path / "got").read_bytes() == (tmp_path / "sent").read_bytes()
        assert objects.head("large/file").size == size
    assert {path.name for path in tmp_path.iterdir()} == {"sent", "got"}


def test_a_file_that_cannot_be_read_is_told(objects: Objects, tmp_path: Path) -> None:
    """Storing a file that is not there is the caller's error and stores nothing."""
    with pytest.raises(InvalidInput):
        objects.put_file("a", tmp_path / "missing")
    assert not objects.exists("a")


def test_one_bad_object_stops_no_other(objects: Objects) -> None:
    """Reading many gives the error in place of what is missing or unsafe, and everything else."""
    objects.put("a", b"1")
    objects.put("c", b"3")
    found = dict(objects.get_many(["a", "b", "../x", "c"]))
    assert found["a"] == b"1"
    assert found["c"] == b"3"
    assert isinstance(found["b"], ObjectNotFound)
    assert isinstance(found["../x"], InvalidInput)


def test_who_needs_every_object_is_told_of_the_first_that_is_missing(objects: Objects) -> None:
    """Reading all gives what stands before the one that cannot be read, and then its error."""
    put_all(objects, {"a": b"1", "c": b"3"})
    reading = get_all(objects, ["a", "b", "c"])
    assert next(reading) == ("a", b"1")
    with pytest.raises(ObjectNotFound):
        next(reading)


def test_writing_many_writes_the_rest_before_it_fails(objects: Objects) -> None:
    """One unsafe key among many is raised, and the others are stored."""
    with pytest.raises(InvalidInput):
        objects.put_many([("a", b"1"), ("../b", b"2"), ("c", b"3")])
    assert [info.key for info in objects.list()] == ["a", "c"]
    assert objects.put_many((f"d/{number}", b"") for number in range(3)) == 3


def test_a_reader_may_stop_early(objects: Objects) -> None:
    """A consumer that takes three of many and goes leaves nothing running that breaks the store."""
    put_all(objects, {f"{number:03}": b"x" for number in range(60)})
    reading = objects.get_many(f"{number:03}" for number in range(60))
    assert [key for key, _ in islice(reading, 3)] == ["000", "001", "002"]
    reading.close()  # type: ignore[attr-defined]
    assert objects.get("059") == b"x"


def test_lists_longer_than_a_page(objects: Objects) -> None:
    """More objects than a server gives in one answer are listed all, in order, also from the middle on."""
    keys = [f"many/{number:04}" for number in range(1005)]
    assert objects.put_many(((key, b"") for key in keys), workers=16) == len(keys)
    assert [info.key for info in objects.list("many/")] == keys
    assert [info.key for info in objects.list("many/", "many/0009")] == keys[10:]


def test_url_opens_the_same_store(objects: Objects) -> None:
    """A store is found again by its URL."""
    objects.put("a", b"1")
    again = open_objects(objects.url)
    assert again.get("a") == b"1"
    assert again.url == objects.url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/just/a/path",
        "file:///",
        "file://host/path",
        "s3://",
        "s3:///prefix",
        "http://host/x",
        "s3://key:secret@bucket",
        "file:///a?b",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    """A URL that names no store is an error of configuration that shows no credentials."""
    with pytest.raises(ConfigurationError) as caught:
        open_objects(url)
    assert "secret" not in str(caught.value)
