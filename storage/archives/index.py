"""Every file of a batch by name, and what is refused of its archives."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from storage.archives.extents import File, Packed
from storage.archives.members import ArchiveLimits, Contents
from storage.archives.names import printable
from storage.archives.ranged import RangeReader, ReadRange
from storage.archives.spool import Spool
from storage.archives.tar_members import is_tar, list_tar
from storage.archives.zip_members import list_zip
from storage.objects import ObjectInfo, Objects
from xray_model.errors import InvalidInput

_KINDS = {".zip": "zip", ".tar": "tar", ".tgz": "gzip", ".tar.gz": "gzip"}
_UNREAD = (".7z", ".rar", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
_MAGIC = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gzip"}
_START = 512


class Index:
    """The files of a batch by name, in the order in which they are read fastest, and what was refused."""

    def __init__(
        self,
        objects: Objects,
        infos: Sequence[ObjectInfo],
        prefix: str,
        limits: ArchiveLimits,
        open_spool: Callable[[], Spool],
    ) -> None:
        """Look through all archives among `infos`; loose objects first, each kind by key."""
        self.files: dict[str, File] = {}
        self.refused: dict[str, str] = {}
        self._objects, self._limits = objects, limits
        named = {info.key.removeprefix(prefix): info for info in sorted(infos, key=lambda info: info.key)}
        archives = {name: info for name, info in named.items() if name.lower().endswith((*_KINDS, *_UNREAD))}
        self.files.update((name, File(name, info)) for name, info in named.items() if name not in archives)
        if archives:
            spool = open_spool()
            for name, info in archives.items():
                self._add_archive(name, info, spool)

    def _add_archive(self, archive: str, info: ObjectInfo, spool: Spool) -> None:
        if archive.lower().endswith(_UNREAD):
            self._refuse(archive, "an archive of a kind that is not read: pack it as zip, tar or tgz")
        elif not info.size:
            self._refuse(archive, "the archive is empty: 0 bytes")
        else:
            try:
                contents, read = self._look_through(archive, info, spool)
            except InvalidInput as error:
                self._refuse(archive, str(error))
            else:
                self._add_contents(archive, info, contents, read)

    def _add_contents(self, archive: str, info: ObjectInfo, contents: Contents, read: ReadRange) -> None:
        for member in contents.members:
            if name := self._free_name(archive, member.name):
                self.files[name] = File(name, info, Packed(member, read))
            else:
                self._refuse(f"{archive}/{member.name}", "its name stands in the batch a second time")
        for shown, reason in contents.refused:
            self._refuse(shown if shown not in self.files else f"{archive}/{shown}", reason)
        if contents.damage:
            self._refuse(archive, f"{contents.damage} after {len(contents.members):,} files")
        elif not contents.members and not contents.refused:
            self._refuse(archive, "the archive holds no files")

    def _look_through(self, archive: str, info: ObjectInfo, spool: Spool) -> tuple[Contents, ReadRange]:
        """What an archive holds, and how its bytes (unpacked, where it is one stream) are read."""

        def read(start: int, length: int) -> bytes:
            return self._objects.get_range(info.key, start, length)

        kind = _kind(archive, read(0, _START))
        stream, contents = spool.stream(info), spool.contents(info)
        if contents is None:
            if kind == "gzip":
                damage = spool.unpack(info)
                contents = list_tar(RangeReader(stream.read, stream.size), self._limits)
                contents = replace(contents, damage=damage or contents.damage)
            else:
                list_members = list_tar if kind == "tar" else list_zip
                contents = list_members(RangeReader(read, info.size), self._limits)
            spool.remember(info, contents)
        return contents, stream.read if kind == "gzip" else read

    def _free_name(self, archive: str, name: str) -> str | None:
        """The member's own name, or one behind the archive's where that is taken; None where both are."""
        return next((free for free in (name, f"{archive}/{name}") if free not in self.files), None)

    def _refuse(self, shown: str, reason: str) -> None:
        """Note a refusal; one of the same name before it is not lost."""
        label, number = printable(shown), 1
        while label in self.refused:
            number += 1
            label = f"{printable(shown)} ({number})"
        self.refused[label] = reason


def _kind(name: str, start: bytes) -> str:
    """What an archive is: its first bytes overrule its name, which senders change at will."""
    for magic, kind in _MAGIC.items():
        if start.startswith(magic):
            return kind
    if is_tar(start):
        return "tar"
    return next(kind for suffix, kind in _KINDS.items() if name.lower().endswith(suffix))
