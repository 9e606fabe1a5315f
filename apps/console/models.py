"""`/models`: every model that was judged, and which one is in service."""

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from apps.console.access.visiting import SignedIn
from apps.console.dependencies import OpenedDesk
from apps.console.paging import paginate
from apps.console.rendering import render_page
from storage import ledger

router = APIRouter()

_PAGE = 50


@router.get("/models")
def list_models(visitor: SignedIn, desk: OpenedDesk, page: int = Query(1, ge=1)) -> HTMLResponse:
    """All decisions of the gate, the newest first."""
    entries = ledger.load_entries(desk.objects)
    return render_page(
        "models.html",
        visitor,
        champion=ledger.champion_of(entries),
        entries=paginate(entries[::-1], page, _PAGE),
        promoted=sum(entry.decision.promote for entry in entries),
    )
