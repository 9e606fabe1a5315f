"""How far new images stand from the champion's reference."""

from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

from xray_model.outcomes.base import Interval, Outcome

DriftSubject = Literal["batch", "night", "window", "served"]


class DriftState(StrEnum):
    """`unknown` says that there was nothing to compare with, never that nothing moved."""

    UNKNOWN = "unknown"
    OK = "ok"
    WATCH = "watch"
    RETRAIN = "retrain"
    HOLD = "hold"


class DriftFamily(StrEnum):
    """What a column speaks of."""

    QUALITY = "quality"
    """How the pictures look, and how they were made."""
    POPULATION = "population"
    """Who was X-rayed, where, and with what finding."""
    PREDICTION = "prediction"
    """What the model answers."""
    EMBEDDING = "embedding"
    """What the model sees."""


class ColumnChart(Outcome):
    """Both distributions of a column, for a small picture."""

    labels: tuple[str, ...]
    """Of the bars: a category each, or the range of a bin."""
    edges: tuple[float, ...] = ()
    """Of the bins, one more than bars; empty for categories."""
    current: tuple[float, ...]
    reference: tuple[float, ...]
    """Shares of the images, which sum to 1."""


class ColumnDrift(Outcome):
    """How far one column of the new images stands from the champion's reference."""

    column: str
    """What a steward calls it."""
    name: str = ""
    """What the frame calls it."""
    family: DriftFamily = DriftFamily.QUALITY
    method: str
    score: float
    """Distance by `method`: 0 is equal; of the embedding the ROC AUC, where .5 is equal."""
    threshold: float
    """From which on it is more than chance, and worth watching."""
    chance: float | None = None
    """Probability that chance moves any column this far, in units of its threshold."""
    moved: bool
    current: str
    reference: str
    """Mean of a number or shares of a category, as a person reads them."""
    sentence: str = ""
    """What changed, such as "The images are darker: mean gray level 102, before 131."; empty where nothing did."""
    chart: ColumnChart | None = None


class ClassShare(Outcome):
    """How frequent a class is among the new images."""

    label: str
    reference: float
    """Share among the reference's images."""
    recorded: float | None = None
    """Share among the new images that came with a finding; None where none did."""
    estimated: Interval | None = None
    """Share that the champion's probabilities speak for (Saerens, Latinne and Decaestecker 2002)."""


class DriftOutcome(Outcome):
    """New images against the champion's reference."""

    state: DriftState
    reasons: tuple[str, ...]
    subject: DriftSubject = "night"
    name: str = ""
    """Id of the batch or night, or the days of the window."""
    when: datetime | None = None
    champion: int | None = None
    """Version that the new images were shown to."""
    snapshot_id: str | None = None
    """Of the reference."""
    images: int = 0
    patients: int = 0
    reference_images: int = 0
    compared: int = 0
    """New images in the sample that was compared."""
    compared_reference: int = 0
    columns: tuple[ColumnDrift, ...] = ()
    notes: tuple[str, ...] = ()
    """What could not be compared, and why."""
    classes: tuple[ClassShare, ...] = ()
    drifted: tuple[str, ...] = ()
    """Image ids of new images that look least like the reference, the first least of all."""
    typical: tuple[str, ...] = ()
    """Image ids of images of the reference that look most like all of it."""
    held: bool = False
    """Of `hold`: whether images wait for a person because of it. They do not where a person let them in, or where it
    was only looked at."""
    watched: int = 0
    """Nights in a row that ended on watch, this one included."""
    page_key: str | None = None
    report_key: str | None = None
    """Key of Evidently's full report in the store."""

    @property
    def share(self) -> float:
        """Share of the columns that moved, 0 to 1."""
        return sum(column.moved for column in self.columns) / len(self.columns) if self.columns else 0.0

    def without_charts(self) -> Self:
        """The same for where its page, which has the charts, is only led to."""
        bare = tuple(column.model_copy(update={"chart": None}) for column in self.columns)
        return self.model_copy(update={"columns": bare})


class MonitorOutcome(Outcome):
    """What a run of `monitor` found: of each batch, and of all that it looked at together."""

    drifts: tuple[DriftOutcome, ...]

    def of(self, subject: DriftSubject) -> tuple[DriftOutcome, ...]:
        """Those on this kind of subject."""
        return tuple(drift for drift in self.drifts if drift.subject == subject)
