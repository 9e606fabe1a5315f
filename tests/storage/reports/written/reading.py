"""What tests read on written pages."""

from typing import Protocol

INVERTED = "The image looks inverted."
DARK = "The image is too dark to read."


class ReadPage(Protocol):
    """What the tests ask of a parsed page."""

    text: str
    ids: list[str]
    links: list[str]
