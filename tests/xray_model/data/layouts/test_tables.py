"""Tables from unknown hands."""

import re
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray_model.data.layouts import tables
from xray_model.data.layouts.tables import read_table
from xray_model.errors import InvalidInput


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_delimiters_and_encodings(delimiter: str, encoding: str) -> None:
    """A table is read whatever its delimiter, with or without a BOM, in UTF-8 or Latin-1."""
    text = delimiter.join(["filename", "finding"]) + "\n" + delimiter.join(["a.png", "neumonía"]) + "\n\n"
    table = read_table(text.encode(encoding))
    assert table.columns == ("filename", "finding")
    assert list(table.rows) == [["a.png", "neumonía"]]


def test_a_comma_in_quotes_is_no_delimiter() -> None:
    """The delimiter is the one that makes the most columns, quoted cells being one."""
    table = read_table(b'"a,b,c";"d"\n"1,2";"3"\n')
    assert table.columns == ("a,b,c", "d")
    assert list(table.rows) == [["1,2", "3"]]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        ("a,b\n1,2\n".encode("utf-16"), "NUL"),
        (b"PK\x03\x04\x00\x00", "NUL"),
        (b",".join(b"c%d" % i for i in range(5000)), "5,000 columns"),
        (b'a,b\n1,"' + b"x" * 200_000, "too large"),
        (b"a" * 200_000, "too large"),
        (b"," * 1_000_001, "more than 1,000,000 characters"),
        (b"\n" * 1_000_001, "more than 1,000,000 characters"),
        (b"a,b\n" + b"," * 1_000_001, "more than 1,000,000 characters"),
        (b"a,b\n" + b'"\n",' * 300_000, "more than 1,000,000 characters"),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, reason: str) -> None:
    """Empty, binary, huge-celled and thousand-columned files are refused with what was found."""
    with pytest.raises(InvalidInput, match=reason):
        list(read_table(data).rows)


def test_a_huge_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table above the limit is not decoded."""
    monkeypatch.setattr(tables, "MAX_TABLE_BYTES", 10)
    with pytest.raises(InvalidInput, match="11 bytes"):
        read_table(b"a,b\n1,2\n3,4")


def test_a_table_is_read_row_by_row() -> None:
    """However many rows a table has, its text is never held as a whole; the limit on a row counts each by itself."""
    data = b"a,b\n" + b"1,2\n" * 300_000
    tracemalloc.start()
    rows = sum(1 for _ in read_table(data).rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 300_000
    assert peak < len(data)


def test_formulas_stay_text() -> None:
    """A cell that a spreadsheet would run is handed on as it stands."""
    assert list(read_table(b"a,b\n=1+1,\"=cmd|'/C calc'!A0\"\n").rows) == [["=1+1", "=cmd|'/C calc'!A0"]]


def test_an_open_quote_ends_with_its_row() -> None:
    """Where the beginning of a row is known, a quote that was never closed swallows no further row."""
    data = b"\tid\tcell\tmore\n0\tS1\t\"['a', 'b\tx\n1\tS2\t\"two\nlines\"\ty\n"
    rows = list(read_table(data, "\t", re.compile(r"\d+\tS\d+\t")).rows)
    assert rows == [["0", "S1", "['a', 'b", "x"], ["1", "S2", "two\nlines", "y"]]


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No bytes make the reader fail in another way than by refusing them."""
    for row_start in (None, re.compile(r"\d")):
        try:
            rows = list(read_table(data, row_start=row_start).rows)
        except InvalidInput:
            continue
        assert all(isinstance(cell, str) for row in rows for cell in row)
