"""A comparison with the champion's reference, with everything that a page shows of one."""

from datetime import UTC, datetime, timedelta

from xray_model.outcomes import (
    ClassShare,
    ColumnChart,
    ColumnDrift,
    DriftFamily,
    DriftOutcome,
    DriftState,
    DriftSubject,
    Interval,
)

WHEN = datetime(2026, 3, 1, 2, 10, tzinfo=UTC)
BATCH = "bimcv.b1.0a1b2c"
HISTOGRAM = ColumnChart(labels=("0 to 1", "1 to 2"), edges=(0.0, 1.0, 2.0), current=(0.2, 0.8), reference=(0.7, 0.3))
BARS = ColumnChart(labels=("GE", "Agfa"), current=(0.1, 0.9), reference=(0.6, 0.4))


def drifted_column(
    column: str,
    score: float,
    family: DriftFamily = DriftFamily.QUALITY,
    *,
    threshold: float = 0.2,
    chart: ColumnChart | None = HISTOGRAM,
) -> ColumnDrift:
    """A column at this distance; it says what changed where it moved."""
    moved = score >= threshold
    return ColumnDrift(
        column=column,
        name=column,
        family=family,
        method="domain_classifier" if family is DriftFamily.EMBEDDING else "wasserstein",
        score=score,
        threshold=threshold,
        chance=0.004 if moved else 0.4,
        moved=moved,
        current="mean 148",
        reference="mean 112",
        sentence=f"The {column} has changed: 148, before 112." if moved else "",
        chart=chart,
    )


COLUMNS = (
    drifted_column("border", 0.1),
    drifted_column("brightness", 1.3),
    drifted_column("scanner maker", 0.5, chart=BARS),
    drifted_column("age", 0.3, DriftFamily.POPULATION),
    drifted_column("embedding", 0.9, DriftFamily.EMBEDDING, threshold=0.6, chart=None),
)


def compared(
    state: DriftState = DriftState.HOLD,
    *,
    subject: DriftSubject = "batch",
    name: str = BATCH,
    day: int = 0,
    **changes: object,
) -> DriftOutcome:
    """The comparison of `BATCH` on some day; nothing was compared where the state is `unknown`."""
    known = state is not DriftState.UNKNOWN
    estimated = Interval(value=0.52, low=0.44, high=0.6)
    outcome = DriftOutcome(
        state=state,
        reasons=("A known source sends other pictures than before: brightness. It is far.", "The images are brighter."),
        subject=subject,
        name=name,
        when=WHEN + timedelta(days=day),
        champion=7,
        snapshot_id="5f2c9a71",
        images=243,
        patients=188,
        reference_images=9124,
        compared=188 * known,
        compared_reference=1500 * known,
        columns=COLUMNS if known else (),
        notes=("The bits stored are the same everywhere.",),
        held=state is DriftState.HOLD,
        classes=(ClassShare(label="covid", reference=0.4, recorded=0.49, estimated=estimated),) if known else (),
    )
    return outcome.model_copy(update=changes)
