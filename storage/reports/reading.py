"""The records that lie beside pages, read many at a time, from which the indexes are rebuilt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from storage.objects import Objects
from xray_model.errors import ObjectNotFound, XrayError

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class RecordsFound(Generic[Record]):
    """What the store tells of some pages."""

    records: dict[str, Record]
    """By page, in the order in which the pages were asked for."""
    unreadable: tuple[str, ...]
    """Pages whose record another version of this project wrote."""
    unfinished: int
    """Pages without a record, of runs that stopped before their end."""


def read_records(objects: Objects, keys: Mapping[str, str], parse: Callable[[bytes], Record]) -> RecordsFound[Record]:
    """Read the record of each page.

    Args:
        objects: the store.
        keys: of the records, by page.
        parse: makes a record of its JSON; pydantic's ValidationError where it is none of this version's.

    Raises:
        StoreUnavailable: a record is there and cannot be got.
    """
    records: dict[str, Record] = {}
    unreadable: list[str] = []
    unfinished = 0
    for page, (_, content) in zip(keys, objects.get_many(keys.values()), strict=True):
        if isinstance(content, ObjectNotFound):
            unfinished += 1
        elif isinstance(content, XrayError):
            raise content
        else:
            try:
                records[page] = parse(content)
            except ValidationError:
                unreadable.append(page)
    return RecordsFound(records, tuple(unreadable), unfinished)
