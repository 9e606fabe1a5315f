"""What the scoring of a folder or prefix came to, without a name of any file."""

from xray_model.outcomes.base import Outcome
from xray_model.outcomes.prediction import ImageWarning, ServedModel


class WarnedImages(Outcome):
    """How many images one warning was given for, in the words of the first of them."""

    warning: ImageWarning
    images: int


class ScoreOutcome(Outcome):
    """A table of predictions that was written. Research tool, not for diagnostic use."""

    model: ServedModel
    images: int
    """In the table."""
    answered_now: int
    """Of them, the ones that no earlier run had answered."""
    labels: dict[str, int]
    """Images by the class decided on, in the model's order."""
    refused: dict[str, int]
    """Images without an answer, by the reason; the most frequent first."""
    warned: tuple[WarnedImages, ...]
    """The most frequent first."""
    passed_over: dict[str, int]
    """What else lies there, files and links and named pipes, by what it is."""
    unchecked: str | None = None
    """What the answers are not checked for, in a sentence for people; None where they are."""
