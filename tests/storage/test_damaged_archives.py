"""Archives that are damaged, cut off or none: a reason for each, and everything whole before it."""

import gzip
import os
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.archives import BatchFiles
from storage.objects import Objects, open_objects
from tests.storage.conftest import BATCH, OpenArchive
from tests.storage.packing import (
    KINDS,
    SOUND,
    assert_only,
    assert_only_refused,
    pack,
    pack_zip,
    tar_blocks,
    tar_member,
    zip_member,
)
from xray_model.errors import InvalidInput, XrayError


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", [b"", b"no archive at all", bytes(100)], ids=["empty", "text", "zeros"])
def test_what_is_no_archive_is_told(open_archive: OpenArchive, kind: str, content: bytes) -> None:
    """A file that is only called an archive is refused by its name."""
    assert_only_refused(open_archive(f"a{kind}", content), f"a{kind}", "archive")


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_without_files_is_told(open_archive: OpenArchive, kind: str) -> None:
    """An empty archive is an event worth a line."""
    assert_only_refused(open_archive(f"a{kind}", pack(kind, {})), f"a{kind}", "holds no files")


@pytest.mark.parametrize("name", ["a.rar", "a.7z", "a.tar.xz", "A.TAR.BZ2"])
def test_other_archives_are_told(open_archive: OpenArchive, name: str) -> None:
    """An archive of a kind that is not read says how to pack it."""
    assert_only_refused(open_archive(name, b"whatever"), name, "pack it as zip")


def test_a_tar_damaged_in_the_middle_keeps_what_is_before(open_archive: OpenArchive) -> None:
    """Behind a broken header nothing is guessed, and the reason counts the files before it."""
    data = bytearray(tar_blocks({**SOUND, "behind": b"x"}) + bytes(1024))
    data[len(tar_blocks(SOUND)) + 148] ^= 0xFF
    assert_only(open_archive("a.tar", bytes(data)), {"a.tar": "damaged after 2 files"})


@pytest.mark.parametrize("kind", [".tar", ".tgz"])
def test_a_tar_cut_off_keeps_what_is_whole(open_archive: OpenArchive, kind: str) -> None:
    """Of a copy that broke off, whole files are read, the last one is refused, and so is the archive."""
    data = tar_blocks({**SOUND, "cut": os.urandom(4000)})[:-2000]
    data = gzip.compress(data)[:-8] if kind == ".tgz" else data
    assert_only(open_archive(f"a{kind}", data), {"cut": "cut off", f"a{kind}": "cut off after 2 files"})


def test_a_tar_without_its_end_mark_is_told(open_archive: OpenArchive) -> None:
    """A copy that broke off between two files is not taken for a whole one."""
    assert_only(open_archive("a.tar", tar_blocks(SOUND)), {"a.tar": "cut off after 2 files"})


def test_a_wrong_checksum_of_gzip_refuses_all(open_archive: OpenArchive) -> None:
    """When the sum over all files is wrong and none can be told from the others, none is trusted."""
    data = bytearray(pack(".tgz", SOUND))
    data[-6] ^= 0xFF
    assert_only_refused(open_archive("a.tgz", bytes(data)), "a.tgz", "checksum")


def test_a_damaged_member_of_a_zip_is_alone(open_archive: OpenArchive) -> None:
    """Bytes changed inside one member make that one unreadable, and no other."""
    data = bytearray(
        pack_zip({zip_member("bad", stored=True): b"x" * 100, **{zip_member(n): c for n, c in SOUND.items()}})
    )
    data[60] ^= 0xFF
    found = dict(open_archive("a.zip", bytes(data)).open_many(["bad", *SOUND]))
    assert isinstance(found.pop("bad"), InvalidInput)
    assert found == SOUND


HOSTILE_HEADERS = {
    "negative size": tar_member("evil").tobuf()[:124] + b"\xff" * 11 + b"\xfe",
    "huge description": tar_member("evil", 2**32, tarfile.XHDTYPE).tobuf(),
    "description of nonsense": tar_member("evil", 20, tarfile.XHDTYPE).tobuf() + b"99999999999 path=x\n",
    "description without end": tar_member("evil", 512, tarfile.XHDTYPE).tobuf() + b"1" * 512,
    "size in words": tar_member("evil", 14, tarfile.XHDTYPE).tobuf() + b"14 size=large\n".ljust(512, b"\0"),
}


@pytest.mark.parametrize("what", HOSTILE_HEADERS)
def test_hostile_tar_headers_end_the_walk(open_archive: OpenArchive, what: str) -> None:
    """A header that is made to hang or to fill the memory is damage, found at once."""
    header = bytearray(HOSTILE_HEADERS[what].ljust(1024, b"\0"))
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    data = tar_blocks(SOUND) + bytes(header) + tar_blocks({"behind": b"x"}) + bytes(1024)
    batch = open_archive("a.tar", data)
    assert set(SOUND) <= set(batch.names)
    assert "damaged after 2 files" in batch.refused["a.tar"]


def test_sparse_files_are_refused(open_archive: OpenArchive) -> None:
    """A file with holes, in the old form with further headers and in the new one, is refused, and those behind read."""
    old = bytearray(tar_member("old", 512, tarfile.GNUTYPE_SPARSE).tobuf())
    old[482] = 1
    old[148:156] = b" " * 8
    old[148:156] = b"%06o\0 " % sum(old)
    more = bytearray(512)
    new = tar_member("new", 3)
    new.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    new_form = new.tobuf(tarfile.PAX_FORMAT) + b"0\n\n".ljust(512, b"\0")
    data = bytes(old) + bytes(more) + bytes(512) + new_form + tar_blocks(SOUND) + bytes(1024)
    assert_only(open_archive("a.tar", data), {"old": "sparse", "new": "sparse"})


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_no_damage_does_more_than_refuse(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    """Whatever bytes are changed, cut out or doubled, each file is read as it was, or not at all with a reason."""
    archive = bytearray(pack(kind, SOUND))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(archive) - 1))
        end = min(len(archive), start + data.draw(st.integers(1, 600)))
        archive[start:end] = data.draw(
            st.one_of(
                st.just(b""),
                st.just(bytes(archive[start:end]) * 2),
                st.integers(0, 255).map(lambda value: bytes([archive[start] ^ value])),  # noqa: B023 - drawn at once
                st.binary(max_size=20),
            )
        )
        if not archive:
            return
    objects: Objects = open_objects(tmp_path_factory.mktemp("store").as_uri())
    objects.put(f"{BATCH}a{kind}", bytes(archive))
    with BatchFiles(objects, list(objects.list()), BATCH) as batch:
        for name, content in batch.open_many(batch.names):
            assert isinstance(content, (bytes, XrayError))
            if kind == ".zip" and name in SOUND and isinstance(content, bytes):
                assert content == SOUND[name]
        assert batch.refused or batch.names
