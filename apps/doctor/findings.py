"""A finding: one line of `xray doctor`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the list; where not all is well it says what to do."""

    state: Literal["ok", "missing", "warning", "problem"]
    """`missing` is what a training may ask for and has not yet; `warning` what works, and may not for long; `problem`
    what cannot work."""
    subject: str
    words: str
