"""The model versions of the nights, and the champion's history as a chart."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from storage.reports import keys
from storage.reports.charts import VersionPoint, draw_history
from storage.reports.records import NightRecord
from xray_model.outcomes import ChampionSummary, Decision

_CHARTED = 8


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One model version that a night trained."""

    version: int
    night: datetime
    decision: Decision
    patients: int | None
    """Test patients it was judged on; None where the night does not tell."""
    page: str | None


def list_versions(nights: Sequence[NightRecord], folders: Collection[str]) -> list[VersionRow]:
    """Every version that the nights trained, newest first, with its page where `folders` holds one."""
    rows = []
    for record in nights:
        retrain = record.night.retrain
        if retrain.promotion:
            page = keys.model_page(retrain.promotion.challenger_version)
            rows.append(
                VersionRow(
                    version=retrain.promotion.challenger_version,
                    night=record.night.started,
                    decision=retrain.promotion.decision,
                    patients=retrain.challenger.patients if retrain.challenger else None,
                    page=page if keys.folder_of(page) in folders else None,
                )
            )
    return rows


def draw_champions(nights: Sequence[NightRecord], champion: ChampionSummary) -> Markup:
    """The newest versions judged on the champion's minority class, and the champion among them."""
    points: dict[int, VersionPoint] = {}
    for record in nights:
        promotion = record.night.retrain.promotion
        if promotion and promotion.decision.minority == champion.minority:
            decision = promotion.decision
            point = VersionPoint(promotion.challenger_version, decision.minority_f1, decision.promote)
            points.setdefault(promotion.challenger_version, point)
    points.setdefault(champion.version, VersionPoint(champion.version, champion.minority_f1, promoted=True))
    newest = [points[version] for version in sorted(points)][-_CHARTED:]
    if champion.version not in {point.version for point in newest}:
        newest = [points[champion.version], *newest[1:]]
    return draw_history(newest, f"F1 of {champion.minority} by model version")
