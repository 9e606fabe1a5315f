"""Archives made to do harm: a reason for each member refused, and everything sound beside it."""

import gzip
import io
import os
import stat
import tarfile
import zipfile

import pytest

from tests.storage.conftest import OpenArchive
from tests.storage.packing import (
    KINDS,
    SOUND,
    assert_only,
    assert_only_refused,
    pack,
    pack_tar,
    pack_zip,
    tar_blocks,
    tar_member,
    zip_member,
)
from xray_model.errors import InvalidInput

UNSAFE_NAMES = {
    "../out.png": "outside",
    "a/../../out.png": "outside",
    "/etc/passwd": "absolute",
    "C:/windows.png": "absolute",
    "n" * 300 + ".png": "longer than 255",
    "a/" * 600 + "x": "longer than 255",
    "new\nline.png": "control characters",
    "esc\x1b[31m.png": "control characters",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "reason"), UNSAFE_NAMES.items(), ids=range(len(UNSAFE_NAMES)))
def test_unsafe_names_are_refused(open_archive: OpenArchive, kind: str, name: str, reason: str) -> None:
    """A member whose name leads elsewhere, or can be no name, is refused; what is shown of it is one short line."""
    batch = open_archive(f"a{kind}", pack(kind, {**SOUND, name: b"harm"}))
    assert dict(batch.open_many(batch.names)) == SOUND
    ((shown, why),) = batch.refused.items()
    assert reason in why
    assert shown.isprintable()
    assert len(shown) <= 201


@pytest.mark.parametrize("kind", [".tar", ".tgz"])
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_that_are_not_utf8_are_refused_in_tar(open_archive: OpenArchive, kind: str, form: int) -> None:
    """A name in another encoding is refused and shown with escapes."""
    members = [(tar_member(name, len(data)), data) for name, data in SOUND.items()]
    members.append((tar_member(os.fsdecode(b"neumon\xeda.png"), 1), b"x"))
    data = pack_tar(members, form)
    batch = open_archive(f"a{kind}", gzip.compress(data) if kind == ".tgz" else data)
    assert_only(batch, {"neumon\\udceda.png": "not UTF-8"})


def test_a_name_that_is_not_utf8_is_told_in_zip(open_archive: OpenArchive) -> None:
    """A zip whose table of contents cannot be read for such a name is refused as a whole, with that reason."""
    data = pack(".zip", {**SOUND, "neumoné.png": b"x"}).replace("né".encode(), b"n\xe9\xe9")
    assert_only_refused(open_archive("a.zip", data), "a.zip", "not UTF-8")


LINKS_AND_DEVICES = {
    "symlink": (tarfile.SYMTYPE, stat.S_IFLNK),
    "hard link": (tarfile.LNKTYPE, None),
    "pipe": (tarfile.FIFOTYPE, stat.S_IFIFO),
    "character device": (tarfile.CHRTYPE, stat.S_IFCHR),
    "block device": (tarfile.BLKTYPE, stat.S_IFBLK),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", LINKS_AND_DEVICES)
def test_links_and_devices_are_refused(open_archive: OpenArchive, kind: str, what: str) -> None:
    """Whatever is no file is refused, and the files behind it are read."""
    tar_type, mode = LINKS_AND_DEVICES[what]
    if kind == ".zip":
        if mode is None:
            pytest.skip("a zip has no hard links")
        first = {zip_member("evil", mode=mode | 0o777): b"/etc/passwd"}
        data = pack_zip({**first, **{zip_member(name): content for name, content in SOUND.items()}})
    else:
        sound = [(tar_member(name, len(content)), content) for name, content in SOUND.items()]
        data = pack_tar([(tar_member("evil", kind=tar_type, target="/etc/passwd"), b""), *sound])
        data = gzip.compress(data) if "gz" in kind else data
    assert_only(open_archive(f"a{kind}", data), {"evil": "link or a device"})


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", KINDS)
def test_a_name_twice_in_one_archive_is_refused_once(open_archive: OpenArchive, kind: str) -> None:
    """The first of two members of one name is read, the second refused by a name that tells them apart."""
    twice = [*SOUND.items(), ("sound/2.png", b"another"), ("./sound/2.png", b"a third")]
    if kind == ".zip":
        data = pack_zip({zip_member(name): content for name, content in twice})
    else:
        data = pack_tar([(tar_member(name, len(content)), content) for name, content in twice])
        data = gzip.compress(data) if "gz" in kind else data
    batch = open_archive(f"a{kind}", data)
    assert_only(batch, {f"a{kind}/sound/2.png": "second time", "./sound/2.png": "second time"})


def test_encrypted_and_unknown_methods_are_refused(open_archive: OpenArchive) -> None:
    """A member that needs a password or a rare method is refused, and the others are read."""
    entries = {zip_member(name): content for name, content in SOUND.items()}
    rare = zip_member("rare")
    rare.compress_type = zipfile.ZIP_LZMA
    data = bytearray(pack_zip({**entries, zip_member("locked"): b"x", rare: b"y"}))
    table = data.rindex(b"PK\x01\x02", 0, data.rindex(b"locked"))
    data[table + 8] |= 1
    batch = open_archive("a.zip", bytes(data))
    assert_only(batch, {"locked": "encrypted", "rare": "method"})


@pytest.mark.parametrize("kind", KINDS)
def test_members_over_the_limit_are_refused(open_archive: OpenArchive, kind: str) -> None:
    """A member larger than allowed is refused, and so is the one with which the archive becomes too large."""
    tree = {**SOUND, "large": os.urandom(9000), "last": os.urandom(6000)}
    batch = open_archive(f"a{kind}", pack(kind, tree), member_bytes=8000)
    assert sorted(batch.names) == sorted([*SOUND, "last"])
    assert "larger than" in batch.refused["large"]
    batch = open_archive(f"a{kind}", pack(kind, tree), archive_bytes=13_000)
    assert not {"large", "last"} <= set(batch.names)
    assert any("unpacks to more" in reason for reason in batch.refused.values())


@pytest.mark.parametrize("kind", [".zip", ".tgz"])
def test_bombs_are_not_unpacked(open_archive: OpenArchive, kind: str) -> None:
    """Hundreds of megabytes of zeros in one are given up early, and what lies before them is read."""
    bomb = io.BytesIO()
    zeros = bytes(2**20)
    if kind == ".zip":
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in SOUND.items():
                archive.writestr(name, content)
            with archive.open("bomb", "w") as member:
                for _ in range(200):
                    member.write(zeros)
    else:
        with gzip.open(bomb, "wb", 9) as stream:
            stream.write(tar_blocks(SOUND) + tar_member("bomb", 300 * 2**20).tobuf())
            for _ in range(300):
                stream.write(zeros)
    batch = open_archive(f"a{kind}", bomb.getvalue())
    assert dict(batch.open_many(batch.names)) == SOUND
    assert "made to do harm" in " ".join(batch.refused.values())


def test_members_that_overlap_are_refused(open_archive: OpenArchive) -> None:
    """A table of contents that points twice at the same bytes, to multiply them, gives each byte once."""
    data = bytearray(pack(".zip", {**SOUND, "copy": b"2"}))
    first = data.index(b"PK\x01\x02")
    last = data.rindex(b"PK\x01\x02")
    data[last + 42 : last + 46] = data[first + 42 : first + 46]
    batch = open_archive("a.zip", bytes(data))
    assert len(batch.names) == 2
    assert "overlaps" in " ".join(batch.refused.values())


def test_a_size_that_is_a_lie_is_found(open_archive: OpenArchive) -> None:
    """A member that unpacks to more than the table of contents says is not unpacked further."""
    honest = pack_zip({zip_member("a"): bytes(5_000_000)})
    table = honest.index(b"PK\x01\x02")
    lie = honest[: table + 24] + (100).to_bytes(4, "little") + honest[table + 28 :]
    batch = open_archive("a.zip", lie)
    with pytest.raises(InvalidInput, match="damaged"):
        batch.open("a")


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tgz"])
def test_too_many_members_are_given_up(open_archive: OpenArchive, kind: str) -> None:
    """An archive of more entries than allowed is read up to there, and says so."""
    batch = open_archive(f"a{kind}", pack(kind, {f"{number}": b"" for number in range(30)}), members=20)
    assert len(batch.names) == 20
    assert "more than 20 entries after 20 files" in batch.refused[f"a{kind}"]
