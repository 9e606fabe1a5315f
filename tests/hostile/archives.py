"""Archives that lead elsewhere, lie, are damaged, or unpack to far more than they hold."""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.hostile import encoding as en
from tests.hostile.cases import ABSENT, ACCEPTED, Case, End, Files, Pixels, quarantined
from tests.storage.packing import pack_tar, pack_zip, tar_blocks, tar_member, zip_member

BATCH = "images/archives"
_BOMB = quarantined("made to do harm")
_UNSOUND, _DAMAGED = quarantined("damaged, or missing"), quarantined("checksum or size")
_DAMAGED_AFTER = quarantined("damaged after 1 files")
_LINK = quarantined("link or a device")
_ZEROS = bytes(2**20)

Members = list[tuple[str, bytes]]


def _zip(members: Members, stored: bool = False) -> bytes:
    return pack_zip({zip_member(name, stored=stored): data for name, data in members})


def _tar(members: Members) -> bytes:
    return pack_tar([(tar_member(name, len(data)), data) for name, data in members])


def _tgz(members: Members) -> bytes:
    return gzip.compress(_tar(members), 1)


def _linking(kind: bytes, target: str = "") -> Callable[[Members], bytes]:
    def build(members: Members) -> bytes:
        (name, data), (evil, _) = members
        return pack_tar([(tar_member(evil, kind=kind, target=target), b""), (tar_member(name, len(data)), data)])

    return build


def _zip_link(members: Members) -> bytes:
    (name, data), (evil, _) = members
    return pack_zip({zip_member(evil, mode=0o120777): b"/etc/passwd", zip_member(name): data})


_FLAGS, _SUM, _PACKED, _SIZE = 8, 16, 20, 24
"""Where an entry of a zip's table of contents says what."""


def _patched(place: int, value: bytes) -> Callable[[Members], bytes]:
    """A zip with bytes of its last entry in the table of contents overwritten."""

    def patch(members: Members) -> bytes:
        data = bytearray(_zip(members))
        start = data.rindex(b"PK\x01\x02") + place
        data[start : start + len(value)] = value
        return bytes(data)

    return patch


def _rare(members: Members) -> bytes:
    entries = {zip_member(name): data for name, data in members}
    list(entries)[-1].compress_type = zipfile.ZIP_LZMA
    return pack_zip(entries)


def _overlapping(members: Members) -> bytes:
    """A table of contents that names the last file five times more (Fifield, WOOT 2019)."""
    data = _zip(members)
    first, last, end = data.index(b"PK\x01\x02"), data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    name = members[-1][0].encode()
    copies = b"".join(data[last:end].replace(name, b"%0*d.png" % (len(name) - 4, copy)) for copy in range(5))
    table = data[first:end] + copies
    return data[:first] + table + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 7, 7, len(table), first, 0)


def _twice(members: Members) -> bytes:
    (name, data), _ = members
    return pack_zip({zip_member(name): data, zip_member(f"./{name}"): b"another"})


def _not_utf8(members: Members) -> bytes:
    return _zip([*members[:1], ("é.png", b"")]).replace("é".encode(), b"\xe9\xe9")


def _bomb_zip(members: Members) -> bytes:
    (name, data), (bomb, _) = members
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
        with archive.open(bomb, "w") as member:
            for _ in range(200):
                member.write(_ZEROS)
    return buffer.getvalue()


def _empty_entries(members: Members) -> bytes:
    return _zip([*members[:1], *((f"empty/{number}.txt", b"") for number in range(20_000))], stored=True)


def _bomb_tgz(members: Members) -> bytes:
    """10 GiB of zeros in 10 MiB: one gzip stream, again and again."""
    (name, data), (bomb, _) = members
    start = tar_blocks({name: data}) + tar_member(bomb, 10 * 2**30).tobuf()
    return gzip.compress(start) + gzip.compress(bytes(64 * 2**20)) * 160


def _sized(members: Members, size: str) -> bytes:
    """A tar whose last member has another size by its pax header."""
    (name, data), (evil, _) = members
    header = tar_member(evil)
    header.pax_headers = {"size": size}
    return pack_tar([(tar_member(name, len(data)), data), (header, b"")])


def _sparse(members: Members) -> bytes:
    (name, data), (evil, _) = members
    header = tar_member(evil)
    header.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**50)}
    return pack_tar([(header, b""), (tar_member(name, len(data)), data)])


def _negative(members: Members) -> bytes:
    header = bytearray(tar_member(members[-1][0]).tobuf())
    header[124:136] = b"\xff" * 12
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:]) + 8 * 32)
    return tar_blocks(dict(members[:1])) + bytes(header) + bytes(1024)


def _wrong_sum(members: Members) -> bytes:
    data = _tgz(members)
    return data[:-8] + b"\0\0\0\0" + data[-4:]


def _two_streams(members: Members) -> bytes:
    data = _tar(members)
    return gzip.compress(data[:700]) + gzip.compress(data[700:])


def _nested(members: Members) -> bytes:
    (name, data), (inner, _) = members
    packed = _zip([(name, data)])
    for _ in range(20):
        packed = _zip([("again.zip", packed)])
    return _zip([(name, data), (inner, packed)])


@dataclass(frozen=True, slots=True)
class _Archive:
    """How an archive is packed, and how what is in it ends."""

    build: Callable[[Members], bytes]
    """Packs a sound picture and an evil one."""
    evil: str = "normal/evil.png"
    """The evil one's name."""
    end: End = ABSENT
    """The evil one's end."""
    sound: End = ACCEPTED
    whole: End = ABSENT
    """Of the archive itself: only one that cannot be read to its end has a row of its own."""


_ARCHIVES = {
    "slip.zip": _Archive(_zip, "../../../outside/evil.png", quarantined("outside")),
    "slip.tar": _Archive(_tar, "normal/../../slip.png", quarantined("outside")),
    "absolute.zip": _Archive(_zip, "/tmp/evil.png", quarantined("absolute")),  # noqa: S108
    "absolute.tgz": _Archive(_tgz, "/etc/cron.d/evil", quarantined("absolute")),
    "backslash.zip": _Archive(_zip, "..\\..\\evil.png", quarantined("outside")),
    "drive.zip": _Archive(_zip, "C:\\evil.png", quarantined("absolute")),
    "long-name.zip": _Archive(_zip, "n" * 300 + ".png", quarantined("longer than 255")),
    "long-name.tgz": _Archive(_tgz, "m" * 300 + ".png", quarantined("longer than 255")),
    "line.zip": _Archive(_zip, "normal/a\nb.png", quarantined("control characters")),
    "not-utf8.tar": _Archive(_tar, "neumon\udced.png", quarantined("not UTF-8")),
    "not-utf8.zip": _Archive(_not_utf8, sound=ABSENT, whole=quarantined("not UTF-8")),
    "link.zip": _Archive(_zip_link, "zip-link.png", _LINK),
    "symlink.tar": _Archive(_linking(tarfile.SYMTYPE, "/etc/passwd"), "tar-link.png", _LINK),
    "hard-link.tar": _Archive(_linking(tarfile.LNKTYPE, "../../store.json"), "hard.png", _LINK),
    "pipe.tar": _Archive(_linking(tarfile.FIFOTYPE), "tar-pipe.png", _LINK),
    "device.tar": _Archive(_linking(tarfile.BLKTYPE), "device.png", _LINK),
    "character-device.tgz": _Archive(lambda m: gzip.compress(_linking(tarfile.CHRTYPE)(m)), "zero.png", _LINK),
    "locked.zip": _Archive(_patched(_FLAGS, b"\1"), "locked.png", quarantined("encrypted")),
    "rare.zip": _Archive(_rare, "rare.png", quarantined("method")),
    "wrong-sum.zip": _Archive(_patched(_SUM, b"lies"), "normal/wrong-sum.png", _DAMAGED),
    "smaller-than-told.zip": _Archive(_patched(_SIZE, b"\xff\xff\1\0"), "normal/smaller.png", _DAMAGED),
    "larger-than-told.zip": _Archive(_patched(_SIZE, b"\1\0\0\0"), "normal/larger.png", _DAMAGED),
    "zip64.zip": _Archive(_patched(_PACKED, b"\xff" * 8), "normal/zip64.png", quarantined("")),
    "overlapping.zip": _Archive(_overlapping, "normal/overlap.png", quarantined("overlaps")),
    "twice.zip": _Archive(_twice, "./normal/in-twice.zip.png", quarantined("a second time")),
    "bomb.zip": _Archive(_bomb_zip, "bomb.png", _BOMB),
    "bomb.tgz": _Archive(_bomb_tgz, "tgz-bomb.png", quarantined("cut off"), whole=_BOMB),
    "empty-entries.zip": _Archive(_empty_entries, "empty/1.txt"),
    "nested.zip": _Archive(_nested, "inner.zip"),
    "self-extracting.zip": _Archive(lambda m: b"MZ" + bytes(5_000) + _zip(m), "normal/behind.png", ACCEPTED),
    "zip-named.tgz": _Archive(_zip, "normal/zip-named-tgz.png", ACCEPTED),
    "two-streams.tgz": _Archive(_two_streams, "normal/second-stream.png", ACCEPTED),
    "cut.zip": _Archive(lambda m: _zip(m)[:-30], sound=ABSENT, whole=_UNSOUND),
    "page.zip": _Archive(lambda _: b"<html>404</html>", sound=ABSENT, whole=_UNSOUND),
    "empty.zip": _Archive(lambda _: b"", sound=ABSENT, whole=quarantined("0 bytes")),
    "nothing.zip": _Archive(lambda _: _zip([]), sound=ABSENT, whole=quarantined("holds no files")),
    "sparse.tar": _Archive(_sparse, "sparse.png", quarantined("sparse")),
    "huge-by-pax.tar": _Archive(lambda m: _sized(m, str(2**60)), "normal/huge.png", quarantined("cut off"),
                               whole=quarantined("cut off")),
    "lying-pax.tar": _Archive(lambda m: _sized(m, "-1"), whole=_DAMAGED_AFTER),
    "negative.tar": _Archive(_negative, whole=_DAMAGED_AFTER),
    "damaged.tar": _Archive(lambda m: tar_blocks(dict(m[:1])) + b"x" * 2_000, whole=_DAMAGED_AFTER),
    "cut.tar": _Archive(lambda m: _tar(m)[:-11_000], "normal/cut-tar.png", quarantined("cut off"),
                        whole=quarantined("cut off")),
    "cut.tgz": _Archive(lambda m: _tgz(m)[:-3_000], "normal/cut-tgz.png", quarantined("cut off"),
                        whole=quarantined("cut off")),
    "wrong-sum.tgz": _Archive(_wrong_sum, sound=ABSENT, whole=quarantined("checksum is wrong")),
    "noise.tgz": _Archive(lambda _: b"\x1f\x8b" + zlib.compress(b"noise") * 99, sound=ABSENT,
                          whole=quarantined("damaged")),
    "other-kind.rar": _Archive(lambda _: b"Rar!\x1a\x07", sound=ABSENT, whole=quarantined("kind that is not read")),
}  # fmt: skip


def _case(name: str, archive: _Archive) -> Case:
    sound = f"normal/in-{name}.png"

    def files(picture: Pixels) -> Files:
        return {name: archive.build([(sound, en.png(picture)), (archive.evil, en.png(np.fliplr(picture)))])}

    ends = {shown(archive.evil): archive.end, sound: archive.sound, name: archive.whole}
    return Case(name, BATCH, files, ends)


def shown(name: str) -> str:
    """A name inside an archive as the catalog shows it, where it could not be one."""
    name = name.replace("\\", "/")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in name)
    return text if len(text) <= 200 else f"{text[:200]}…"


CASES = tuple(_case(name, archive) for name, archive in _ARCHIVES.items())
