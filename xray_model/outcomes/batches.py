"""What became of a batch, and why."""

from enum import StrEnum

from xray_model.outcomes.base import Outcome


class BatchStatus(StrEnum):
    """What became of a batch: `held` and `refused` wait for a person, `failed` is an error of ours."""

    ACCEPTED = "accepted"
    HELD = "held"
    REFUSED = "refused"
    FAILED = "failed"


class Refusal(Outcome):
    """One reason for which images of a batch were refused, in a steward's words."""

    reason: str
    images: int


class ExpectationResult(Outcome):
    """One expectation as it was checked on one batch."""

    code: str
    sentence: str
    """How it should be."""
    refusal: str
    """What is wrong with what failed."""
    severity: str
    """`row` quarantines the image, `batch` holds the batch, `note` is only reported."""
    passed: bool
    evaluated: bool
    """False where the expectation itself crashed: nothing is known, so the batch is held."""
    failures: int
    """Rows that failed it; for a rule about the whole batch 1 or 0."""
    observed: str | None = None
    """The figure about the whole batch; of rows none is told."""
    suite: str = ""
    kind: str = ""
    """Type of the GX expectation."""
    bounds: str = ""
    """What it asks of which column, in words."""
    asked: int | None = None
    """Rows it was asked of: those of its row condition, without the empty ones where GX leaves them out."""


class BatchOutcome(Outcome):
    """One batch from arrival to the catalog."""

    batch_id: str
    source: str
    name: str
    status: BatchStatus
    layout: str | None = None
    reasons: tuple[str, ...] = ()
    """Why the whole batch is held, refused or failed; empty when accepted."""
    files: int = 0
    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    held: int = 0
    passed_over: dict[str, int] = {}
    """Files that are no X-ray to train on, counted by what they are ("CT volume": 12)."""
    notes: dict[str, int] = {}
    """What the batch's own tables hold beyond its images, counted ("table row without an image": 3)."""
    labels: dict[str, int] = {}
    """Images by finding, among those that passed every row rule."""
    refusals: tuple[Refusal, ...] = ()
    expectations: tuple[ExpectationResult, ...] = ()
    bounds_id: str | None = None
    """Of the last change of bounds when it was judged; None where there was none yet."""

    @property
    def needs_person(self) -> bool:
        """Whether the batch as a whole waits for somebody."""
        return self.status is not BatchStatus.ACCEPTED
