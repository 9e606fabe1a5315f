"""`/models`: which model is in service and which waits, every decision on them, and a steward's part in it."""

import logging
import re

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from apps.console import words
from apps.console.access.audit import audit
from apps.console.access.forms import CheckedForm, Form
from apps.console.access.visiting import SignedIn, Steward
from apps.console.access.visitors import Visitor
from apps.console.dependencies import OpenedDesk
from apps.console.paging import paginate
from apps.console.rendering import render_page
from storage import ledger
from storage.promotion import Recorded, approve_model, refuse_model, roll_back
from storage.registry import Registry
from storage.settings import Settings
from xray_model.errors import InvalidInput

router = APIRouter()
log = logging.getLogger(__name__)

_PAGE = 50
_SEE_OTHER = 303
_NUMBER = re.compile("[0-9]{1,9}")


@router.get("/models")
def list_models(visitor: SignedIn, desk: OpenedDesk, page: int = Query(1, ge=1)) -> HTMLResponse:
    """Which model is in service, which waits, and all decisions, the newest first."""
    entries = ledger.load_entries(desk.objects)
    champion, waiting = ledger.champion_of(entries), ledger.find_waiting(entries)
    line = ledger.champion_line(entries)
    judged = sum(isinstance(entry, ledger.GateEntry) for entry in entries)
    return render_page(
        "models.html",
        visitor,
        headline=words.models_headline(champion, waiting, judged=judged),
        champion=champion,
        change=ledger.last_change(entries),
        waiting=waiting,
        previous=line[-2] if len(line) > 1 else None,
        served=sorted(ledger.served_versions(entries) - set(line[-1:]), reverse=True),
        entries=paginate(entries[::-1], page, _PAGE),
        judged=judged,
    )


@router.post("/models/decisions")
def decide(request: Request, steward: Steward, desk: OpenedDesk, form: CheckedForm) -> RedirectResponse:
    """Approve or refuse the challenger that waits.

    Raises:
        InvalidInput: it never waited.
        DecisionOvertaken: it waits no more.
    """
    action = form.one("action")
    acts = {"approve": approve_model, "refuse": refuse_model}
    if action not in acts:
        raise InvalidInput(f"a model that waits is approved or refused, not {action!r}")
    recorded = acts[action](desk.objects, Registry(Settings()), _version(form), who=steward.name, why=form.one("why"))
    return _tell(request, steward, recorded)


@router.post("/models/rollback")
def go_back(request: Request, steward: Steward, desk: OpenedDesk, form: CheckedForm) -> RedirectResponse:
    """Put a model in service again that was there before.

    Raises:
        InvalidInput: it never was there.
        DecisionOvertaken: another model is in service than the form's reader saw.
    """
    recorded = roll_back(
        desk.objects,
        Registry(Settings()),
        _version(form),
        who=steward.name,
        why=form.one("why"),
        instead_of=_version(form, "seen"),
    )
    return _tell(request, steward, recorded)


def _version(form: Form, field: str = "version") -> int:
    text = form.one(field)
    if not _NUMBER.fullmatch(text):
        raise InvalidInput("the form names no version of a model")
    return int(text)


def _tell(request: Request, steward: Visitor, recorded: Recorded[ledger.StewardEntry]) -> RedirectResponse:
    entry = recorded.entry
    if recorded.behind:
        log.warning(
            "entry %s of the ledger counts, MLflow's aliases follow in the next run: %s", entry.number, recorded.behind
        )
    audit(request, steward, "model", entry=entry.number, act=entry.kind, version=entry.version, new=recorded.new)
    return RedirectResponse("/models", _SEE_OTHER)
