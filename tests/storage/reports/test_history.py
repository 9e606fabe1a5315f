"""The champion's history as a chart."""

from collections.abc import Callable

import pytest

from storage.ledger import LedgerEntry
from storage.reports.history import draw_champions
from storage.reports.records import NightRecord
from tests.storage.entries import gate, steward
from xray_model.outcomes import ChampionSummary, NightOutcome, RetrainOutcome

LEFT_TO_A_STEWARD: list[LedgerEntry] = [gate(0, 1), gate(1, 2, 1, approval=True)]


@pytest.mark.parametrize(
    ("later", "champions"),
    [
        ([], 1),
        ([steward(2, "refusal", 2, 1)], 1),
        ([steward(2, "approval", 2, 1), steward(3, "rollback", 1, 2)], 2),
    ],
)
def test_model_is_drawn_as_champion_where_it_came_into_service(
    make_night: Callable[..., NightOutcome],
    make_retrain: Callable[..., RetrainOutcome],
    make_champion: Callable[..., ChampionSummary],
    later: list[LedgerEntry],
    champions: int,
) -> None:
    """One that passed and waits, or was refused, is hollow; one that a steward approved stays full after a rollback."""
    record = NightRecord(make_night(0, retrain=make_retrain(2, 1, approval=True)), "page")
    drawn = draw_champions([record], make_champion(1), [*LEFT_TO_A_STEWARD, *later])
    assert drawn.count('<g class="champion">') == champions
    assert drawn.count('<g class="other">') == 2 - champions
