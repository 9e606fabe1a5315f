"""Long lists, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list."""

    items: Sequence[T]
    number: int
    """From 1."""
    pages: int
    """At least 1."""
    whole: int
    """Items on all pages."""
    first: int
    """Place of the page's first item in the list, from 0."""


def paginate(items: Sequence[T], number: int, size: int) -> Page[T]:
    """Page `number` (from 1) of `items`; the last page where there are fewer."""
    pages = max(-(-len(items) // size), 1)
    here = min(max(number, 1), pages)
    first = (here - 1) * size
    return Page(items[first : first + size], here, pages, len(items), first)
