"""`/batches`: every batch with what became of it."""

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from apps.console.access.visiting import SignedIn
from apps.console.dependencies import OpenedDesk
from apps.console.paging import paginate
from apps.console.rendering import render_page

router = APIRouter()

_PAGE = 50


@router.get("/batches")
def list_batches(visitor: SignedIn, desk: OpenedDesk, page: int = Query(1, ge=1)) -> HTMLResponse:
    """All batches, the newest first."""
    batches = desk.list_batches()
    return render_page(
        "batches.html",
        visitor,
        batches=paginate(batches, page, _PAGE),
        held=sum(bool(one.held) for one in batches),
    )
