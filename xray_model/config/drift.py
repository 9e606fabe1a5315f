"""When new images count as different from what the champion was trained on."""

from datetime import UTC, date, datetime
from typing import Self

from pydantic import Field, model_validator

from xray_model.config.base import Options


class DriftPolicy(Options):
    """What counts as moved, and what a night does about it.

    A column has moved where chance would not explain it (`false_alarms`) and the distance is one that matters. A number
    is measured in standard deviations of the reference (Wasserstein), a category by the Jensen-Shannon distance, the
    embedding by how well a classifier tells new images from known ones (ROC AUC).
    """

    minimum_patients: int = Field(
        30, ge=5, description="Patients with new images below whom nothing is said: too few to tell drift from chance."
    )
    most_current: int = Field(
        500, ge=30, le=5000, description="New images compared at most, one of each patient, each source by its share."
    )
    most_reference: int = Field(
        2000, ge=100, le=20_000, description="Images of the reference compared at most, one of each patient."
    )
    false_alarms: float = Field(
        0.02,
        gt=0,
        le=0.2,
        description="How often chance alone may move any column at all of a batch that is like the reference.",
    )
    permutations: int = Field(1000, ge=200, le=20_000, description="Of new and known images, to see what chance does.")
    number_watch: float = Field(0.1, ge=0, description="Distance of a number from which it is worth watching.")
    number_retrain: float = Field(0.3, gt=0, description="Distance of a number that asks for a retraining.")
    number_hold: float = Field(
        1.0,
        gt=0,
        description="Distance of a figure of image quality at which a batch of a known source is held.",
    )
    category_watch: float = Field(0.05, ge=0, le=1, description="Distance of a category that is worth watching.")
    category_retrain: float = Field(0.1, gt=0, le=1, description="Distance of a category that asks for a retraining.")
    category_hold: float = Field(
        0.5, gt=0, le=1, description="The same as number_hold, of a category of image quality, such as the bits stored."
    )
    embedding_watch: float = Field(0.55, ge=0.5, le=1, description="ROC AUC of the embedding that is worth watching.")
    embedding_retrain: float = Field(0.7, gt=0.5, le=1, description="ROC AUC that asks for a retraining.")
    watch_nights: int = Field(3, ge=2, description="Nights on watch in a row after which a retraining is asked for.")
    seed: int = Field(20, ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for kind in ("number", "category"):
            watch, retrain, hold = (getattr(self, f"{kind}_{state}") for state in ("watch", "retrain", "hold"))
            if not watch <= retrain <= hold:
                raise ValueError(
                    f"{kind}_watch, {kind}_retrain and {kind}_hold must not fall: {watch}, {retrain}, {hold}"
                )
        if self.embedding_watch > self.embedding_retrain:
            raise ValueError("embedding_watch is above embedding_retrain")
        return self


class MonitorOptions(Options):
    """Comparing new images with the champion's reference.

    Without batches, a night or a day, the last `days` days are looked at: the batches that came, and what the model
    was asked in service.
    """

    batches: tuple[str, ...] = Field((), description="Ids of committed batches, each looked at by itself.")
    night: str | None = Field(None, description="Id of the night of these batches: they are compared as one too.")
    since: date | None = Field(None, description="First day (UTC) of a window that is looked at as one.")
    until: date | None = Field(None, description="Last day (UTC) of the window; empty for today.")
    days: int = Field(7, ge=1, le=366, description="Days to look back where nothing else is named.")
    served: bool = Field(True, description="Look also at what was predicted in service in the window.")
    against: str | None = Field(
        None, description="Snapshot that is the reference; empty for the one the champion was trained on."
    )
    hold: bool = Field(
        True, description="Let a batch wait for a steward where the policy says so; only of batches that are named."
    )
    announce: bool = Field(
        True, description="Emit an event where a retraining is asked for, which an automation may answer."
    )
    policy: DriftPolicy = DriftPolicy()

    @model_validator(mode="after")
    def _check_window(self) -> Self:
        if self.since and self.until and self.until < self.since:
            raise ValueError(f"the window ends on {self.until}, before it begins on {self.since}")
        if self.batches and (self.since or self.until):
            raise ValueError("name batches or days: what is asked of a batch is asked of all its images, on any day")
        if self.since and not self.until and self.since > datetime.now(UTC).date():
            raise ValueError(f"the window begins on {self.since}, which is still to come (days are in UTC)")
        if self.night and not self.batches:
            raise ValueError(f"night {self.night} names no batches")
        return self
