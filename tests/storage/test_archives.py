"""Batches of loose files and archives under one set of names."""

import gzip
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.archives import ArchiveLimits, BatchFiles
from storage.objects import Objects, open_objects
from tests.storage.packing import KINDS, pack, pack_tar, tar_member
from xray_model.errors import InvalidInput, ObjectNotFound, XrayError

PREFIX = "incoming/source/batch/"
REPOSITORY = Path(__file__).parents[2]

_names = st.lists(st.sampled_from(["a", "b c", "ñ", "sub-S1", "é.png", "x" * 120]), min_size=1, max_size=3).map(
    "/".join
)
_trees = st.dictionaries(_names, st.binary(max_size=3000), max_size=8).map(
    lambda tree: {name: data for name, data in tree.items() if not any(o.startswith(f"{name}/") for o in tree)}
)


def batch_of(objects: Objects, files: Mapping[str, bytes], **options: object) -> BatchFiles:
    """Put `files` below `PREFIX` and open them as a batch."""
    objects.put_many((f"{PREFIX}{name}", data) for name, data in files.items())
    return BatchFiles(objects, list(objects.list(PREFIX)), PREFIX, **options)  # type: ignore[arg-type]


def contents_of(batch: BatchFiles) -> dict[str, bytes | XrayError]:
    """Everything in the batch."""
    return dict(batch.open_many(batch.names))


def count_requests(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of all ranges that are read from now on, as they happen."""
    lengths: list[int] = []
    read = objects.get_range

    def get_range(key: str, start: int, length: int) -> bytes:
        lengths.append(length)
        return read(key, start, length)

    monkeypatch.setattr(objects, "get_range", get_range)
    return lengths


@pytest.fixture
def directory(tmp_path: Path) -> Objects:
    """An empty store in a directory."""
    return open_objects((tmp_path / "store").as_uri())


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=_trees.filter(bool), kind=st.sampled_from(KINDS), loose=_trees)
def test_packed_files_read_as_loose_ones(
    new_store: Callable[[], Objects], tree: dict[str, bytes], kind: str, loose: dict[str, bytes]
) -> None:
    """Any tree reads the same from any kind of archive, beside loose files, from any store."""
    loose = {f"loose/{name}": data for name, data in loose.items()}
    with batch_of(new_store(), {f"the{kind}": pack(kind, tree), **loose}) as batch:
        expected = {**tree, **loose}
        assert contents_of(batch) == expected
        assert {name: batch.size_of(name) for name in batch.names} == {n: len(data) for n, data in expected.items()}
        assert all(batch.open(name) == expected[name] for name in list(expected)[:2])
        assert not batch.refused


@pytest.mark.parametrize("kind", KINDS)
def test_one_archive_is_a_batch(directory: Objects, kind: str) -> None:
    """An archive that lies beside the batches' folders is read with their folder as prefix."""
    directory.put(f"incoming/source/night7{kind}", pack(kind, {"NORMAL/1.jpeg": b"x"}))
    infos = list(directory.list(f"incoming/source/night7{kind}"))
    with BatchFiles(directory, infos, "incoming/source") as batch:
        assert batch.names == ("NORMAL/1.jpeg",)
        assert batch.open("NORMAL/1.jpeg") == b"x"


def test_objects_of_other_batches_are_refused(directory: Objects) -> None:
    """A list that does not belong to the prefix is an error, and no file gets a wrong name."""
    directory.put("incoming/source/other/a", b"")
    with pytest.raises(InvalidInput):
        BatchFiles(directory, list(directory.list()), PREFIX)


def test_parts_of_one_set_are_one_tree_and_lose_nothing(directory: Objects) -> None:
    """Members of several archives stand in one tree; one name in two archives and loose is three files."""
    batch = batch_of(
        directory,
        {
            "part1.tgz": pack(".tgz", {"set/sub-1/a.png": b"1", "set/participants.tsv": b"first"}),
            "part2.tgz": pack(".tgz", {"set/sub-2/a.png": b"2", "set/participants.tsv": b"second"}),
            "deep/part3.zip": pack(".zip", {"set/participants.tsv": b"third"}),
            "set/participants.tsv": b"loose",
        },
    )
    assert contents_of(batch) == {
        "set/participants.tsv": b"loose",
        "deep/part3.zip/set/participants.tsv": b"third",
        "part1.tgz/set/participants.tsv": b"first",
        "part2.tgz/set/participants.tsv": b"second",
        "set/sub-1/a.png": b"1",
        "set/sub-2/a.png": b"2",
    }
    assert not batch.refused
    assert len({batch.etag_of(name) for name in batch.names}) == 6


def test_a_name_taken_three_times_over_is_refused_and_named(directory: Objects) -> None:
    """Where a member's name is taken, also behind its archive's, it is refused by that name."""
    directory.put(f"{PREFIX}b.zip/x", b"a loose file in a folder called b.zip")
    with pytest.raises(InvalidInput):  # a directory cannot hold both, a bucket can
        directory.put(f"{PREFIX}b.zip", b"")
    directory.delete(f"{PREFIX}b.zip/x")
    batch = batch_of(
        directory,
        {"a.zip": pack(".zip", {"b.zip/x": b"1"}), "b.zip": pack(".zip", {"x": b"2"}), "x": b"3"},
    )
    assert contents_of(batch) == {"x": b"3", "b.zip/x": b"1"}
    assert list(batch.refused) == ["b.zip/x"]


def test_what_an_archive_is_shows_in_its_bytes(directory: Objects) -> None:
    """A wrong suffix does no harm, nor do capitals."""
    batch = batch_of(
        directory,
        {
            "a.tgz": pack(".tar", {"a": b"1"}),
            "b.zip": pack(".tgz", {"b": b"2"}),
            "c.tar": pack(".zip", {"c": b"3"}),
            "D.ZIP": pack(".zip", {"d": b"4"}),
        },
    )
    assert contents_of(batch) == {"a": b"1", "b": b"2", "c": b"3", "d": b"4"}


def test_names_of_macos_and_windows_are_read(directory: Objects) -> None:
    """Backslashes between folders, unmarked UTF-8 and a leading `./` do not hide a file from a reader."""
    macos = pack(".zip", {"Neumonía/1.png": b"1"})
    unmarked = macos.replace(b"\x00\x08", b"\x00\x00")
    assert unmarked != macos
    batch = batch_of(
        directory,
        {
            "macos.zip": unmarked,
            "windows.zip": pack(".zip", {"x/y.png": b"2"}).replace(b"x/y.png", b"x\\y.png"),
            "tar.tar": pack(".tar", {"./sub//z.png": b"3"}),
        },
    )
    assert contents_of(batch) == {"Neumonía/1.png": b"1", "x/y.png": b"2", "sub/z.png": b"3"}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_tar_format_is_read(directory: Objects, form: int) -> None:
    """Long names and large numbers in each of the three formats, with folders between the files."""
    files = {
        f"{'folder' * 10}/{'file' * 30 if form != tarfile.USTAR_FORMAT else 'file'}-{n}": b"x" * n
        for n in (0, 511, 512, 513)
    }
    members = [(tar_member("folder", kind=tarfile.DIRTYPE), b"")]
    members += [(tar_member(name, len(data)), data) for name, data in files.items()]
    batch = batch_of(directory, {"a.tar": pack_tar(members, form)})
    assert contents_of(batch) == files
    assert not batch.refused


def test_gzip_of_several_streams_is_one_archive(directory: Objects) -> None:
    """Streams one behind the other, as parallel packers write, and padding behind them are read through."""
    tar = pack(".tar", {"a": os.urandom(50_000), "b": b"2"})
    packed = b"".join(gzip.compress(tar[start : start + 9000]) for start in range(0, len(tar), 9000))
    batch = batch_of(directory, {"a.tgz": packed + b"\0" * 700})
    assert set(contents_of(batch)) == {"a", "b"}
    assert not batch.refused


def test_files_are_yielded_in_the_order_asked_for(directory: Objects) -> None:
    """Whatever the order of the names, unknown ones among them, each comes in its place."""
    tree = {f"{number:03}": os.urandom(700) for number in range(120)}
    batch = batch_of(directory, {"a.zip": pack(".zip", tree), "b.tgz": pack(".tgz", {"t": b"t"}), "loose": b"l"})
    everything = {**tree, "t": b"t", "loose": b"l"}
    wanted = [*tree, "missing", "loose", "t", "missing", "000"]
    random.Random(3).shuffle(wanted)
    found = list(batch.open_many(wanted))
    assert [name for name, _ in found] == wanted
    for name, data in found:
        assert isinstance(data, ObjectNotFound) if name == "missing" else data == everything[name]
    for read in (batch.open, batch.etag_of, batch.size_of):
        with pytest.raises(ObjectNotFound):
            read("missing")


def test_neighbours_come_with_one_request(directory: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand small members read in their order cost a few requests, not a thousand."""
    batch = batch_of(directory, {"a.zip": pack(".zip", {f"{number:04}": os.urandom(200) for number in range(1000)})})
    names, requests = batch.names, count_requests(directory, monkeypatch)
    assert len(list(batch.open_many(names))) == 1000
    assert len(requests) < 5


def test_an_archive_is_looked_through_with_few_requests(directory: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    """To know the names in a zip, its end is read; in a tar of small files, large pieces."""
    requests = count_requests(directory, monkeypatch)
    tree = {f"{number:04}": os.urandom(3000) for number in range(1000)}
    for kind, most_requests, most_bytes in ((".zip", 4, 400_000), (".tar", 10, 10_000_000)):
        requests.clear()
        assert len(batch_of(directory, {f"a{kind}": pack(kind, tree)}).names) == 1000
        assert len(requests) <= most_requests
        assert sum(requests) <= most_bytes
        directory.delete(f"{PREFIX}a{kind}")


def test_another_process_finds_the_same(directory: Objects, tmp_path: Path) -> None:
    """Made anew elsewhere from the same list, a batch has the same names and marks, and unpacks nothing again."""
    tree = {f"{number}": os.urandom(2000) for number in range(20)}
    spool = tmp_path / "spool"
    batch = batch_of(directory, {"a.tgz": pack(".tgz", tree), "b.zip": pack(".zip", {"z": b"z"})}, spool=spool)
    here = {name: batch.etag_of(name) for name in batch.names}
    unpacked = {path: path.stat().st_mtime_ns for path in spool.iterdir()}
    code = (
        "import sys; from pathlib import Path; from storage.archives import BatchFiles\n"
        "from storage.objects import open_objects; objects = open_objects(sys.argv[1])\n"
        "batch = BatchFiles(objects, list(objects.list(sys.argv[2])), sys.argv[2], spool=Path(sys.argv[3]))\n"
        "print({name: batch.etag_of(name) for name in batch.names})\n"
        "print(sum(len(data) for _, data in batch.open_many(batch.names)))"
    )
    arguments = [sys.executable, "-c", code, directory.url, PREFIX, str(spool)]
    there = subprocess.run(arguments, cwd=REPOSITORY, capture_output=True, check=True).stdout.decode()
    assert there.splitlines() == [str(here), str(20 * 2000 + 1)]
    assert {path: path.stat().st_mtime_ns for path in spool.iterdir()} == unpacked


def test_closing_removes_what_was_unpacked(directory: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the batch's own goes with it, closed or forgotten; one that was given stays."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    with batch_of(directory, {"a.tgz": pack(".tgz", {"a": b"1"})}) as batch:
        assert batch.open("a") == b"1"
        assert list((tmp_path / "tmp").iterdir())
    assert not list((tmp_path / "tmp").iterdir())
    assert batch.open("a") == b"1"
    del batch
    assert not list((tmp_path / "tmp").iterdir())
    with batch_of(directory, {}, spool=tmp_path / "given") as batch:
        assert batch.open("a") == b"1"
    assert list((tmp_path / "given").iterdir())


def test_a_changed_archive_is_unpacked_anew(directory: Objects, tmp_path: Path) -> None:
    """An archive sent again under its name is not taken for the one before."""
    for content in (b"first", b"second"):
        batch = batch_of(directory, {"a.tgz": pack(".tgz", {"a": content})}, spool=tmp_path / "spool")
        assert batch.open("a") == content


def test_large_loose_files_are_not_read(directory: Objects) -> None:
    """A loose file over the limit has its name and size, so that a reader can pass it over, and is not opened."""
    batch = batch_of(directory, {"ct.nii.gz": b"x" * 2000, "a": b"x"}, limits=ArchiveLimits(member_bytes=1000))
    assert batch.names == ("a", "ct.nii.gz")
    assert batch.size_of("ct.nii.gz") == 2000
    with pytest.raises(InvalidInput):
        batch.open("ct.nii.gz")


def test_an_archive_that_went_away_is_told(directory: Objects) -> None:
    """When an object is deleted after it was listed, reading says so."""
    batch = batch_of(directory, {"a.zip": pack(".zip", {"a": b"1"}), "b": b"2"})
    assert len(batch.names) == 2
    for info in list(directory.list()):
        directory.delete(info.key)
    assert all(isinstance(data, ObjectNotFound) for data in contents_of(batch).values())
