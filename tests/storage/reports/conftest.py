"""Table-made outcomes and pictures, and an empty store."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from storage.objects import Objects, open_objects
from storage.reports import Picture
from tests.xray_model.evaluation.evaluations import full_training, interval
from xray_model.outcomes import (
    BatchOutcome,
    ChampionSummary,
    Check,
    ClassScore,
    ColumnDrift,
    Decision,
    DriftOutcome,
    DriftState,
    EvaluationOutcome,
    ExpectationResult,
    NightOutcome,
    PromotionOutcome,
    Refusal,
    RetrainOutcome,
    SnapshotOutcome,
)

INVERTED = "The image looks inverted."
DARK = "The image is too dark to read."
BROKEN = "The file cannot be decoded."
_FIRST_NIGHT = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    """An empty store in `tmp_path`."""
    return open_objects(f"file://{tmp_path}")


@pytest.fixture
def make_picture() -> Callable[..., Picture]:
    """A flat gray picture."""

    def make(number: int, *reasons: str, gray: int | None = 90) -> Picture:
        pixels = None if gray is None else np.full((32, 32), gray, dtype=np.uint8)
        return Picture(f"{number:064x}"[::-1], pixels, "PA · F 63 · covid", reasons)

    return make


@pytest.fixture
def make_batch() -> Callable[..., BatchOutcome]:
    """A batch; `held`, `refused` and `failed` ones come with a reason."""

    def make(status: str = "accepted", name: str = "b1", **changes: object) -> BatchOutcome:
        values: dict[str, object] = {
            "batch_id": f"bimcv.{name}.0a1b2c",
            "source": "bimcv",
            "name": name,
            "status": status,
            "layout": "bimcv",
            "files": 30,
            "read": 20,
            "accepted": 17,
            "quarantined": 3,
            "passed_over": {"CT volume": 2},
            "labels": {"normal": 12, "covid": 5},
            "refusals": (Refusal(reason=DARK, images=1), Refusal(reason=INVERTED, images=2)),
            "expectations": (
                _expectation("The file can be decoded.", "row"),
                _expectation("The image does not look inverted.", "row", failures=2),
                _expectation("At most a tenth of the images is refused.", "batch", failures=1, observed="15 %"),
                _expectation("Ages are plausible.", "note", evaluated=False),
            ),
        }
        if status == "held":
            values |= {"accepted": 0, "held": 17, "reasons": ("15 % of its images look inverted. Often it is 2 %.",)}
        elif status != "accepted":
            gone = {"layout": None, "read": 0, "accepted": 0, "quarantined": 0, "refusals": (), "expectations": ()}
            values |= gone | {"labels": {}, "reasons": ("Its files follow no known layout.",)}
        return BatchOutcome.model_validate(values | changes)

    return make


def _expectation(
    sentence: str, severity: str, *, failures: int = 0, evaluated: bool = True, observed: str | None = None
) -> ExpectationResult:
    return ExpectationResult(
        code=sentence.casefold(),
        sentence=sentence,
        refusal="is not so",
        severity=severity,
        passed=evaluated and not failures,
        evaluated=evaluated,
        failures=failures,
        observed=observed,
    )


def _evaluation(model: str, f1: float) -> EvaluationOutcome:
    return EvaluationOutcome(
        model=model,
        snapshot_id="5f2c9a71",
        split="test",
        classes=tuple(
            ClassScore(
                label=label,
                precision=interval(f1),
                recall=interval(f1),
                f1=interval(f1),
                images=images,
                patients=patients,
            )
            for label, images, patients in (("covid", 40, 31), ("normal", 20, 12))
        ),
        confusion=((36, 4), (0, 20)),
        macro_f1=interval(f1),
        minority="normal",
        images=60,
        patients=43,
        predictions_key="predictions/v1.parquet",
    )


@pytest.fixture
def make_retrain() -> Callable[..., RetrainOutcome]:
    """A training of `version` against the champion `before` (None for none), promoted, left to a steward, or not."""

    def make(
        version: int = 1,
        before: int | None = None,
        *,
        promote: bool = True,
        approval: bool = False,
        check: str = "better",
        f1: float = 0.86,
    ) -> RetrainOutcome:
        checks = (
            Check(name="floor", passed=promote or check != "floor", sentence="F1 of normal is .86, floor .60."),
            Check(name=check, passed=promote, sentence="The challenger does not do. It was tried."),
        )
        decision = Decision(
            promote=promote,
            checks=checks,
            minority="normal",
            minority_f1=interval(f1),
            champion_f1=None if before is None else interval(0.81),
            probability_better=None if before is None else 0.61,
            requires_approval=approval,
        )
        return RetrainOutcome(
            trained=True,
            reasons=("Trained on 100 images: new accepted images.",),
            snapshot=SnapshotOutcome(
                snapshot_id="5f2c9a71",
                counts={"train": {"covid": 80, "normal": 20}, "test": {"covid": 40, "normal": 20}},
                patients={"train": 70, "test": 43},
                excluded={"of another class": 3},
            ),
            training=full_training().model_copy(
                update={
                    "backbone": "basic_cnn",
                    "weights": "none: trained from random numbers",
                    "weights_sha256": None,
                    "rebalancing": "class_weight",
                    "counts_before": {"covid": 80, "normal": 20},
                    "counts_after": {"covid": 50, "normal": 50},
                    "rebalancing_note": "a note on the counts",
                    "log_offsets": {"covid": 0.47, "normal": -0.92},
                    "decision_weights": {"covid": 1.0, "normal": 1.4},
                    "temperature": 1.0,
                    "features_computed": 140,
                    "model_sha256": "ab" * 32,
                }
            ),
            challenger=_evaluation(f"v{version}", f1),
            champion=None if before is None else _evaluation(f"v{before}", 0.81),
            promotion=PromotionOutcome(
                decision=decision,
                challenger_version=version,
                champion_before=before,
                champion_after=version if promote and not approval else before,
            ),
        )

    return make


@pytest.fixture
def make_champion() -> Callable[..., ChampionSummary]:
    """A champion of a version."""

    def make(version: int = 1, f1: float = 0.86) -> ChampionSummary:
        return ChampionSummary(
            version=version,
            since=_FIRST_NIGHT,
            backbone="basic_cnn",
            snapshot_id="5f2c9a71",
            classes=("covid", "normal"),
            minority="normal",
            minority_f1=interval(f1),
            patients=43,
        )

    return make


@pytest.fixture
def make_drift() -> Callable[..., DriftOutcome]:
    """A comparison in which `moved` of ten columns moved; unknown where `moved` is None."""

    def make(moved: int | None = None, report_key: str | None = None) -> DriftOutcome:
        if moved is None:
            return DriftOutcome(state=DriftState.UNKNOWN, reasons=("There is no champion to compare with.",))
        state = DriftState.RETRAIN if moved >= 5 else DriftState.WATCH if moved >= 3 else DriftState.OK
        columns = tuple(
            ColumnDrift(
                column=f"column {place}",
                method="Wasserstein",
                score=0.9 if place < moved else 0.1,
                threshold=0.3,
                moved=place < moved,
                current="mean 142",
                reference="mean 118",
            )
            for place in range(10)
        )
        reasons = (f"{moved} of 10 columns moved.",)
        return DriftOutcome(
            state=state, reasons=reasons, images=60, reference_images=300, columns=columns, report_key=report_key
        )

    return make


@pytest.fixture
def make_night(make_drift: Callable[..., DriftOutcome]) -> Callable[..., NightOutcome]:
    """The night of day `day`; nothing happens in it but what is given."""

    def make(
        day: int = 0,
        *batches: BatchOutcome,
        retrain: RetrainOutcome | None = None,
        drift: DriftOutcome | None = None,
        champion: ChampionSummary | None = None,
    ) -> NightOutcome:
        started = _FIRST_NIGHT + timedelta(days=day)
        return NightOutcome(
            night_id=f"{started:%Y%m%dT%H%M%SZ}-3f9a",
            started=started,
            finished=started + timedelta(minutes=12),
            batches=batches,
            drift=drift or make_drift(),
            retrain=retrain or RetrainOutcome(trained=False, reasons=("Not trained: there is no covid image.",)),
            champion=champion,
        )

    return make
