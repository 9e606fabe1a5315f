"""Metadata tables that are no text, too large, damaged, or carry code; each comes with four sound images."""

import io
import zipfile
from collections.abc import Callable

import numpy as np

from tests.hostile import encoding as en
from tests.hostile.cases import ACCEPTED, WHOLE, Case, End, Files, Pixels, noted, quarantined, refused

_ROWS = "filename,patient_id,finding,view,sex,age\n" + "".join(f"{name}.png,1,normal,PA,F,40\n" for name in "abcd")
_MIB = 2**20


def _row(**cells: str) -> bytes:
    """The table with other cells for its first image."""
    first = {"filename": "a.png", "patient_id": "1", "finding": "normal", "view": "PA", "sex": "F", "age": "40"}
    lines = _ROWS.splitlines()
    quoted = ('"' + cell.replace('"', '""') + '"' for cell in {**first, **cells}.values())
    return "\n".join([lines[0], ",".join(quoted), *lines[2:], ""]).encode()


def _spreadsheet() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(50 * _MIB))
    return buffer.getvalue()


Ends = dict[str, End]
_SOUND: Ends = dict.fromkeys(["a.png", "b.png", "c.png", "d.png"], ACCEPTED)
_NO_FINDING: Ends = {**_SOUND, "a.png": quarantined("no finding")}


def _none(words: str) -> Ends:
    return {WHOLE: refused(words)}


_ROW_TOO_LONG = _none("a row of more than 1,000,000 characters")
_TABLES: dict[str, tuple[bytes | Callable[[], bytes], Ends]] = {
    "latin-1": (_row(finding="neumonía").replace("í".encode(), b"\xed"), _NO_FINDING),
    "byte order mark": (b"\xef\xbb\xbf" + _ROWS.encode(), _SOUND),
    "lines of an old Mac": (_ROWS.replace("\n", "\r").encode(), _SOUND),
    "utf-16": (_ROWS.encode("utf-16"), _none("NUL bytes")),
    "utf-32": (_ROWS.encode("utf-32"), _none("NUL bytes")),
    "nul bytes": (_ROWS.encode().replace(b"normal", b"nor\0mal"), _none("NUL bytes")),
    "empty": (b"", _none("no header")),
    "blank": (b"\n \n\t\n" * 1_000, _none("no header")),
    "header alone": (_ROWS.splitlines()[0].encode(), _none("no row names an image")),
    "png": (lambda: en.flat_png(50, 50), _none("table")),
    "page": (b"<!DOCTYPE html><script>alert(1)</script>", _none("no column with image names")),
    "10,000 columns": (",".join(f"filename{i}" for i in range(10_000)).encode(), _none("10,000 columns")),
    "100 MB in one line": (lambda: b"filename,finding" + b"x" * 100 * _MIB, _ROW_TOO_LONG),
    "30 MB of commas": (lambda: b"filename,finding" + b"," * (30 * _MIB), _ROW_TOO_LONG),
    "30 MB of commas in a row": (lambda: _ROWS.encode() + b"," * (30 * _MIB), _ROW_TOO_LONG),
    "30 MB of short lines in one cell each": (lambda: _ROWS.encode() + b'"' + b'\n","' * (6 * _MIB), _ROW_TOO_LONG),
    "30 MB of empty lines": (lambda: b"\n" * (30 * _MIB) + _ROWS.encode(), _ROW_TOO_LONG),
    "10 MB of rows": (lambda: _ROWS.encode() + b"x.png,1,normal,PA,F,1\n" * 500_000, _SOUND),
    "10 MB of wide characters": (lambda: _ROWS.encode() + "🫁,1,2,3,4,5\n".encode() * 600_000, _SOUND),
    "250 MB": (lambda: _ROWS.encode() + b" " * (250 * _MIB), _none("more than the 256,000,000 that are read")),
    "larger than any file that is read": (lambda: _ROWS.encode() + b" " * (256 * _MIB), _none("larger than 256 MiB")),
    "open quote": (_row().replace(b'"a.png"', b'"a.png'), {**_SOUND, "a.png": quarantined("no finding")}),
    "open quote at its end": (_ROWS.encode() + b'"' + b"x,y\n" * 100_000, _none("a quote left open")),
    "a million quotes": (_ROWS.encode() + b'"' * 1_000_001, _ROW_TOO_LONG),
    "formula": (_row(finding='=HYPERLINK("http://example.org","normal")'), _NO_FINDING),
    "script": (_row(finding="<script>alert(1)</script>"), _NO_FINDING),
    "path": (_row(filename="../../../../etc/passwd"), {**_SOUND, "a.png": quarantined("no finding")}),
    "row too long": (_row().replace(b'"40"', b'"40",x,y'), {**_SOUND, "a.png": quarantined("no finding")}),
    "rows that disagree": (_row() + b"a.png,1,normal,AP,M,7\n", {**_SOUND, "a.png": noted("disagree")}),
    "ages": (_row(age="1e999"), {**_SOUND, "a.png": noted("age")}),
    "negative age": (_row(age="-5"), {**_SOUND, "a.png": noted("age")}),
    "patient of 100,000 letters": (_row(patient_id="p" * 100_000), _SOUND),
    "patient of many lines": (_row(patient_id="p\n" * 50), _SOUND),
    "spreadsheet bomb": (_spreadsheet, _none("table")),
}


def _case(name: str, table: bytes | Callable[[], bytes], ends: Ends) -> Case:
    """A table that no batch can be read by has a batch of its own; the others lie together, with names of their own."""
    slug = "".join(c if c.isalnum() else "-" for c in name)
    alone = WHOLE in ends
    names = {f"{stem}.png": f"{stem}.png" if alone else f"{slug}-{stem}.png" for stem in "abcd"}

    def build(picture: Pixels) -> Files:
        data = table() if callable(table) else table
        for plain, own in names.items():
            data = data.replace(plain.encode(), own.encode())
        pictures = (picture, np.fliplr(picture), picture[:, :-30], picture[:-30])
        images = {own: en.png(image) for own, image in zip(names.values(), pictures, strict=True)}
        return {**images, f"{slug}.csv": data}

    batch = f"tables/{slug}" if alone else "tables/together"
    return Case(f"table: {name}", batch, build, {names.get(image, image): end for image, end in ends.items()})


CASES = tuple(_case(name, table, ends) for name, (table, ends) in _TABLES.items())
