"""The model versions of the nights, and the champion's history as a chart."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from storage.ledger import LedgerEntry, find_waiting, served_versions
from storage.reports import keys, terms
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
    came_to: str
    """What became of it until now, in words."""
    served: bool
    """Whether it ever was in service."""
    patients: int | None
    """Test patients it was judged on; None where the night does not tell."""
    page: str | None


def list_versions(
    nights: Sequence[NightRecord], folders: Collection[str], entries: Sequence[LedgerEntry]
) -> list[VersionRow]:
    """Every version that the nights trained, newest first, with its page where `folders` holds one.

    What became of one that was left to a steward, the ledger's entries say.
    """
    rows = []
    served, waiting = served_versions(entries), find_waiting(entries)
    for record in nights:
        retrain = record.night.retrain
        if retrain.promotion:
            promotion, version = retrain.promotion, retrain.promotion.challenger_version
            page = keys.model_page(version)
            came_to = terms.decision_words(promotion.decision)
            if promotion.awaits_approval:
                waits = waiting is not None and waiting.version == version
                came_to = "waits for approval" if waits else "approved" if version in served else "not approved"
            rows.append(
                VersionRow(
                    version=version,
                    night=record.night.started,
                    decision=promotion.decision,
                    came_to=came_to,
                    served=version in served or promotion.champion_after == version,
                    patients=retrain.challenger.patients if retrain.challenger else None,
                    page=page if keys.folder_of(page) in folders else None,
                )
            )
    return rows


def draw_champions(
    nights: Sequence[NightRecord], champion: ChampionSummary, entries: Sequence[LedgerEntry] = ()
) -> Markup:
    """The newest versions judged on the champion's minority class, and the champion among them."""
    served = {champion.version, *served_versions(entries)}
    points: dict[int, VersionPoint] = {}
    for record in nights:
        promotion = record.night.retrain.promotion
        if promotion and promotion.decision.minority == champion.minority:
            decision = promotion.decision
            version = promotion.challenger_version
            promoted = version in served or promotion.champion_after == version
            points.setdefault(version, VersionPoint(version, decision.minority_f1, promoted))
    points.setdefault(champion.version, VersionPoint(champion.version, champion.minority_f1, promoted=True))
    newest = [points[version] for version in sorted(points)][-_CHARTED:]
    if champion.version not in {point.version for point in newest}:
        newest = [points[champion.version], *newest[1:]]
    return draw_history(newest, f"F1 of {champion.minority} by model version")
