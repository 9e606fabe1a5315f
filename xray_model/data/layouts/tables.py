"""Text tables from unknown hands: bytes to rows, with a limit on everything a hostile file could make large."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from xray_model.errors import InvalidInput

MAX_TABLE_BYTES = 256_000_000
"""Largest table read: BIMCV's label tables with their reports, the largest known, stay below half of it."""
MAX_COLUMNS = 1_000

_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is read row by row, once."""

    columns: tuple[str, ...]
    """Header cells, stripped."""
    rows: Iterator[list[str]]
    """Cells as they stand, never evaluated; a row may be shorter or longer than the header. Iterating raises
    InvalidInput where a cell is too large to be one."""


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
    text = _decode(data)
    lines = io.StringIO(text, newline="")
    header = next((line for line in lines if line.strip()), "")
    if not header:
        raise InvalidInput("the table is empty: it has no header row")
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=lambda candidate: len(_split(header, candidate)))
    columns = tuple(cell.strip() for cell in _split(header, delimiter))
    if len(columns) > MAX_COLUMNS:
        raise InvalidInput(f"the table has {len(columns):,} columns, more than the {MAX_COLUMNS:,} that are read")
    rows = _closed_rows(lines, delimiter, row_start) if row_start else csv.reader(lines, delimiter=delimiter)
    return Table(columns, _guard(rows))


def _decode(data: bytes) -> str:
    if len(data) > MAX_TABLE_BYTES:
        raise InvalidInput(f"the table has {len(data):,} bytes, more than the {MAX_TABLE_BYTES:,} that are read")
    if b"\x00" in data:
        raise InvalidInput("the table is no UTF-8 or Latin-1 text: it holds NUL bytes; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


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


def _guard(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        for row in rows:
            if any(cell.strip() for cell in row):
                yield row
    except csv.Error as error:
        raise InvalidInput("the table has a cell that is too large; is a quote left open?") from error
