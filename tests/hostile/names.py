"""File names that lead elsewhere, break lines, hide what they are, or are no text; loose or as batches."""

from storage.objects.keys import key_from_disk
from tests.hostile import encoding as en
from tests.hostile.cases import ABSENT, ACCEPTED, Case, End, Files, Pixels, quarantined

BATCH = "images/names"
_UNSAFE = quarantined("Rename the file")

_NAMES: dict[bytes, End] = {
    b"n" * 250 + b".png": ACCEPTED,
    b"deep/" * 150 + b"deep.png": ACCEPTED,
    b"neumon\xeda.png": ACCEPTED,
    "肺炎 🫁.png".encode(): ACCEPTED,
    "e\u0301.png".encode(): ACCEPTED,
    "é.png".encode(): ACCEPTED,
    "\u202egnp.exe.png".encode(): ACCEPTED,
    "\ufeffmark.png".encode(): ACCEPTED,
    "\U0010ffff.png".encode(): ACCEPTED,
    "\ue000.png".encode(): ACCEPTED,
    b"%2e%2e%2fup.png": ACCEPTED,
    b"100%s%n.png": ACCEPTED,
    b"{0.__class__}.png": ACCEPTED,
    b"CON.png": ACCEPTED,
    b"-rf.png": ACCEPTED,
    b"$(touch evil).png": ACCEPTED,
    b"<script>alert(1)<.png": ACCEPTED,
    b"=HYPERLINK(1).png": ACCEPTED,
    b"'; DROP TABLE runs;--.png": ACCEPTED,
    b" .png": ACCEPTED,
    b"dots...png": ACCEPTED,
    b"upper.PNG": ACCEPTED,
    b"line\nbreak.png": _UNSAFE,
    b"\x1b[31mred.png": _UNSAFE,
    b"back\\slash.png": _UNSAFE,
    b".hidden.png": ABSENT,
    b"without-extension": ABSENT,
}


def _case(name: bytes, end: End) -> Case:
    stored = b"normal/" + name

    def build(picture: Pixels) -> Files:
        return {stored.decode("utf-8", "surrogateescape"): en.png(picture)}

    return Case(f"name: {name[:40]!r}", BATCH, build, {key_from_disk(stored): end})


_BATCHES: dict[bytes, End] = {
    b"odd/<script>alert(1)<b>": ACCEPTED,
    b"odd/{{ 7 * 7 }} {% raw %}": ACCEPTED,
    b"odd/..%2f..%2fup": ACCEPTED,
    b"odd/" + b"long" * 50: ACCEPTED,
    "odd/\u202egnp".encode(): ACCEPTED,
    b"odd/neumon\xeda": ACCEPTED,
    b"=HYPERLINK(1)/batch": ACCEPTED,
    b"odd/line\nbreak": _UNSAFE,
}
"""Source and batch; a name that no key can have makes all files of its batch unreadable, and a person is asked."""


def _batch_case(batch: bytes, end: End) -> Case:
    def build(picture: Pixels) -> Files:
        return {"normal/a.png": en.png(picture)}

    return Case(f"batch: {batch[:40]!r}", batch.decode("utf-8", "surrogateescape"), build, {"normal/a.png": end})


CASES = (
    *(_case(name, end) for name, end in _NAMES.items()),
    *(_batch_case(batch, end) for batch, end in _BATCHES.items()),
)
