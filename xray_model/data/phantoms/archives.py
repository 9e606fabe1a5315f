"""Packing a written tree as the sets are shipped: parts of a tgz, or a zip with what a Mac leaves in it."""

import gzip
import shutil
import tarfile
import zipfile
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold."""


def pack_tgz(folder: Path, tree: str, parts: int = 2) -> tuple[Path, ...]:
    """Pack `folder/tree` as `<tree>_part1.tgz` ... beside it and remove it.

    Patients are dealt out to the parts in turn, and all of a patient's files stay together; tables lie in the first
    part. The same tree gives the same bytes.

    Args:
        folder: where the tree lies and the archives go.
        tree: its name, which all names in the archives begin with.
        parts: number of archives.
    """
    files = sorted(path for path in (folder / tree).rglob("*") if path.is_file())
    subjects = sorted({_subject(path, folder / tree) for path in files} - {""})
    part_of = {"": 0} | {subject: place * parts // max(len(subjects), 1) for place, subject in enumerate(subjects)}
    archives = []
    for part in range(parts):
        archive = folder / f"{tree}_part{part + 1}.tgz"
        # Images are compressed already: packing them tighter would cost seconds and save nothing.
        with (
            archive.open("wb") as raw,
            gzip.GzipFile("", "wb", 0, raw, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for path in files:
                if part_of[_subject(path, folder / tree)] == part:
                    tar.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_anonymous)
        archives.append(archive)
    shutil.rmtree(folder / tree)
    return tuple(archives)


def pack_zip(folder: Path, tree: str) -> Path:
    """Pack `folder/tree` as `<tree>.zip` beside it, with a Mac's `__MACOSX/` and `.DS_Store`, and remove it."""
    archive = folder / f"{tree}.zip"
    root = folder / tree
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            name = path.relative_to(folder)
            packed.writestr(zipfile.ZipInfo(name.as_posix(), _EPOCH), path.read_bytes())
            fork = Path("__MACOSX", name.parent, f"._{name.name}")
            packed.writestr(zipfile.ZipInfo(fork.as_posix(), _EPOCH), b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")
        for parent in sorted({path.parent.relative_to(folder) for path in root.rglob("*")}):
            packed.writestr(zipfile.ZipInfo((parent / ".DS_Store").as_posix(), _EPOCH), b"\x00\x00\x00\x01Bud1")
    shutil.rmtree(root)
    return archive


def _subject(path: Path, root: Path) -> str:
    first = path.relative_to(root).parts[0]
    return first if first.startswith("sub-") else ""


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Neither times nor owners, which would differ from one machine to the next."""
    info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode = 0, 0, 0, "", "", 0o644
    return info
