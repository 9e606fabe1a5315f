"""Text tables from unknown hands: bytes to rows, with a limit on everything a hostile file could make large."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from xray_model.errors import InvalidInput

MAX_TABLE_BYTES = 256_000_000
"""Largest table read: BIMCV's label tables with their reports, the largest known, stay below half of it."""
MAX_COLUMNS = 1_000
MAX_ROW_CHARACTERS = 1_000_000
"""Longest row read: a csv reader makes a list of a row's cells, and a line of commas is nothing but cells."""

_PIECE = 2**16
_DELIMITERS = ",;\t"
_OPEN_QUOTE = "is a quote left open?"


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is read row by row, once."""

    columns: tuple[str, ...]
    """Header cells, stripped."""
    rows: Iterator[list[str]]
    """Cells as they stand, never evaluated; a row may be shorter or longer than the header. Iterating raises
    InvalidInput where a cell or a row is too large to be one."""


def read_table(data: bytes, delimiter: str | None = None, row_start: re.Pattern[str] | None = None) -> Table:
    """Read a csv or tsv file.

    Args:
        data: UTF-8 (with or without BOM), else taken as Latin-1.
        delimiter: between cells; None picks whichever of comma, semicolon and tab gives the most columns.
        row_start: what every row begins with, where that is known. A quote that was never closed then ends with
            its row, instead of swallowing the rows behind it.

    Raises:
        InvalidInput: too large, no text, no header, or more than `MAX_COLUMNS` columns.
    """
    lines = _Lines(data)
    header = lines.first()
    if not header:
        raise InvalidInput("the table is empty: it has no header row")
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=lambda candidate: len(_split(header, candidate)))
    columns = tuple(cell.strip() for cell in _split(header, delimiter))
    if len(columns) > MAX_COLUMNS:
        raise InvalidInput(f"the table has {len(columns):,} columns, more than the {MAX_COLUMNS:,} that are read")
    rows = _closed_rows(lines, delimiter, row_start) if row_start else csv.reader(lines, delimiter=delimiter)
    return Table(columns, _guard(rows, lines))


class _Lines:
    """The lines of a table, decoded one at a time: the text of a whole table takes four times its bytes."""

    def __init__(self, data: bytes) -> None:
        self._text = io.TextIOWrapper(io.BytesIO(data), _encoding(data), newline="")
        self._characters = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW_CHARACTERS + 1)
        if not line:
            raise StopIteration
        self._characters += len(line)
        if self._characters > MAX_ROW_CHARACTERS:
            raise InvalidInput(f"the table has a row of more than {MAX_ROW_CHARACTERS:,} characters; {_OPEN_QUOTE}")
        return line

    def first(self) -> str:
        """The first line that is not blank; empty where there is none."""
        line = next((line for line in self if line.strip()), "")
        self.end_row()
        return line

    def end_row(self) -> None:
        """Count from here on what the next row takes."""
        self._characters = 0


def _encoding(data: bytes) -> str:
    if len(data) > MAX_TABLE_BYTES:
        raise InvalidInput(f"the table has {len(data):,} bytes, more than the {MAX_TABLE_BYTES:,} that are read")
    if b"\x00" in data:
        raise InvalidInput("the table is no UTF-8 or Latin-1 text: it holds NUL bytes; save it as UTF-8")
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _PIECE):
            decoder.decode(data[start : start + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error as error:
        raise InvalidInput("the table's header is no text table's: a cell of it is too large") from error


def _closed_rows(lines: Iterator[str], delimiter: str, row_start: re.Pattern[str]) -> Iterator[list[str]]:
    for record, whole in _join_lines(lines, row_start):
        if whole:
            yield from csv.reader(io.StringIO(record, newline=""), delimiter=delimiter)
        else:
            yield [cell.strip('"') for cell in record.rstrip("\r\n").split(delimiter)]


def _join_lines(lines: Iterator[str], row_start: re.Pattern[str]) -> Iterator[tuple[str, bool]]:
    held: list[str] = []
    is_open = False
    for line in lines:
        if held and (not is_open or row_start.match(line)):
            yield "".join(held), not is_open
            held, is_open = [], False
        held.append(line)
        is_open ^= line.count('"') % 2 == 1
    if held:
        yield "".join(held), not is_open


def _guard(rows: Iterator[list[str]], lines: _Lines) -> Iterator[list[str]]:
    try:
        for row in rows:
            lines.end_row()
            if any(cell.strip() for cell in row):
                yield row
    except csv.Error as error:
        raise InvalidInput(f"the table has a cell that is too large; {_OPEN_QUOTE}") from error
