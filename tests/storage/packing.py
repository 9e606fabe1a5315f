"""Archives made by hand for the tests, sound ones and others."""

import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Mapping

from storage.archives import BatchFiles

SOUND = {"sound/1.png": os.urandom(3000), "sound/2.png": b"2"}
KINDS = (".zip", ".tar", ".tgz", ".tar.gz")


def pack(kind: str, files: Mapping[str, bytes]) -> bytes:
    """An ordinary archive of `files`; a zip is deflated, with every third member stored."""
    if kind == ".zip":
        return pack_zip(
            {zip_member(name, stored=not index % 3): data for index, (name, data) in enumerate(files.items())}
        )
    archive = pack_tar([(tar_member(name, len(data)), data) for name, data in files.items()])
    return gzip.compress(archive, 1) if "gz" in kind else archive


def zip_member(name: str, *, stored: bool = False, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    """The entry of one file."""
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    info.external_attr = mode << 16
    info.create_system = 3
    return info


def pack_zip(members: Mapping[zipfile.ZipInfo, bytes]) -> bytes:
    """A zip with these entries, as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for info, data in members.items():
            archive.writestr(info, data)
    return buffer.getvalue()


def tar_member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """The header of one file, link or device."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, target
    return info


def pack_tar(members: list[tuple[tarfile.TarInfo, bytes]], format: int = tarfile.PAX_FORMAT) -> bytes:  # noqa: A002
    """A tar with these headers, as they are."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format, errors="surrogateescape") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def tar_blocks(files: Mapping[str, bytes]) -> bytes:
    """The headers and contents of a tar, without the mark at its end."""
    return b"".join(
        tar_member(name, len(data)).tobuf() + data.ljust(-(-len(data) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE, b"\0")
        for name, data in files.items()
    )


def assert_only(batch: BatchFiles, refused: dict[str, str]) -> None:
    """The sound files are read, and what is refused has a reason with these words."""
    assert dict(batch.open_many(batch.names)) == SOUND
    assert set(batch.refused) == set(refused)
    for name, words in refused.items():
        assert words in batch.refused[name]


def assert_only_refused(batch: BatchFiles, name: str, words: str) -> None:
    """Nothing can be read, for a reason with these words."""
    assert batch.names == ()
    assert list(batch.refused) == [name]
    assert words in batch.refused[name]
