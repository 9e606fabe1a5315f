"""`/history`: every decision, by whom and why, and the way back."""

from dataclasses import dataclass

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from apps.console import words
from apps.console.access.visiting import SignedIn
from apps.console.dependencies import OpenedDesk
from apps.console.paging import paginate
from apps.console.rendering import render_page
from apps.console.tokens import new_token
from xray_model.data.decisions import Decision, standing_decisions

router = APIRouter()

_PAGE = 50


@dataclass(frozen=True, slots=True)
class Told:
    """A decision as a page tells it."""

    decision: Decision
    what: str
    stands: bool
    """False where it was taken back."""


@router.get("/history")
def list_decisions(visitor: SignedIn, desk: OpenedDesk, page: int = Query(1, ge=1)) -> HTMLResponse:
    """All decisions, the newest first."""
    told = tell_decisions(desk.list_decisions())
    return render_page("history.html", visitor, decisions=paginate(told, page, _PAGE), token=new_token())


def tell_decisions(decisions: list[Decision]) -> list[Told]:
    """Decisions, given in order, the newest first."""
    standing = standing_decisions(decisions)
    return [Told(one, words.decision_sentence(one), one.id in standing) for one in reversed(decisions)]
