"""Which images of a batch are looked at: by status, by reason, by a value such as the scanner's, page by page."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

import pandas as pd

from storage.desk import CLUES, Review
from xray_model.data.causes import spell_values

PAGE = 48
"""Images on one page of a gallery."""
STATUSES = ("quarantined", "held", "rejected", "accepted")
_PAGE_NUMBER = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Choice:
    """Some images of a batch, as the address of a page names them."""

    status: str
    reason: str | None = None
    clue: str | None = None
    """Column of `CLUES`."""
    value: str | None = None
    """The clue's value."""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str], review: Review) -> Self:
        """What an address asks for; what it does not say, or says wrongly, is chosen so that there is something."""
        status = query.get("status", "")
        if status not in STATUSES:
            status = next((one for one in ("quarantined", "held") if review.statuses.get(one)), "accepted")
        clue = query.get("clue")
        page = query.get("page", "")
        return cls(
            status=status,
            reason=query.get("reason") or None,
            clue=clue if clue in CLUES else None,
            value=query.get("value"),
            page=max(int(page), 1) if _PAGE_NUMBER.fullmatch(page) else 1,
        )

    def select(self, review: Review) -> pd.DataFrame:
        """The chosen rows of a review, of all pages, in the batch's order."""
        chosen = review.rows["status"] == self.status
        if self.reason is not None:
            chosen &= review.rows.index.isin(review.told.index[review.told == self.reason])
        if self.clue is not None:
            chosen &= spell_values(review.rows[self.clue]) == self.value
        return review.rows[chosen]

    def turn(self, page: int) -> Self:
        """The same images, another page."""
        return replace(self, page=page)

    @property
    def query(self) -> str:
        """The address's own words for it, from the question mark on."""
        fields = {
            "status": self.status,
            "reason": self.reason,
            "clue": self.clue,
            "value": self.value if self.clue else None,
            "page": str(self.page) if self.page > 1 else None,
        }
        return "?" + urlencode({name: value for name, value in fields.items() if value is not None})


def fingerprint(rows: pd.DataFrame) -> str:
    """Digest of which images these are: a form says by it which ones its reader had before him."""
    return hashlib.sha256("\n".join(rows["image_id"]).encode()).hexdigest()[:16]
