"""`/bounds`: the bounds that pictures are judged by, those that accepted images speak for, and who set which."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from apps.console.access.audit import audit
from apps.console.access.forms import CheckedForm
from apps.console.access.visiting import SignedIn, Steward
from apps.console.access.visitors import Visitor
from apps.console.dependencies import OpenedDesk
from apps.console.rendering import render_page
from apps.console.tokens import new_token
from storage import bounds
from xray_model.data.bound_changes import BoundsChange, fold_changes, last_changes
from xray_model.data.bounds import DEFAULTS, Bound
from xray_model.data.proposing import CUT_OFF, Proposed

router = APIRouter()

_SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class Row:
    """One rule's bound, with the change that set it where a person did."""

    proposal: Proposed
    first: Bound
    """The one that the pipeline starts with."""
    change: BoundsChange | None


@router.get("/bounds")
def show_bounds(visitor: SignedIn, desk: OpenedDesk) -> HTMLResponse:
    """Today's bounds beside the proposed ones, and every change."""
    changes = bounds.load_changes(desk.objects)
    last = last_changes(changes)
    proposals = bounds.propose(desk.objects)
    rows = [_describe(row, last.get(row.today.code)) for row in proposals.rows]
    return render_page(
        "bounds.html",
        visitor,
        rows=rows,
        proposed=sum(row.changes for row in proposals.rows),
        shown=proposals.id,
        cut_off=CUT_OFF,
        changes=[(change, _words(change)) for change in reversed(changes)],
        token=new_token(),
    )


@router.post("/bounds")
def change_bounds(request: Request, steward: Steward, desk: OpenedDesk, form: CheckedForm) -> RedirectResponse:
    """Put the ticked proposals in force.

    Raises:
        InvalidInput: nothing is ticked, or other bounds are proposed now than the form's reader saw.
    """
    recorded = bounds.accept_bounds(
        desk.objects,
        form.many("rule"),
        form.one("shown"),
        who=steward.name,
        why=form.one("why"),
        token=form.one("token"),
    )
    return _tell(request, steward, recorded)


@router.post("/bounds/reset")
def reset_bound(request: Request, steward: Steward, desk: OpenedDesk, form: CheckedForm) -> RedirectResponse:
    """Put one rule's bound back to the one that the pipeline starts with.

    Raises:
        InvalidInput: it stands there already.
    """
    recorded = bounds.reset_bounds(
        desk.objects, form.many("rule"), who=steward.name, why=form.one("why"), token=form.one("token")
    )
    return _tell(request, steward, recorded)


def _tell(request: Request, steward: Visitor, recorded: bounds.RecordedChange) -> RedirectResponse:
    change = recorded.change
    audit(request, steward, "bounds", change=change.id, rules=" ".join(change.codes), new=recorded.new)
    return RedirectResponse("/bounds", _SEE_OTHER)


def _describe(proposal: Proposed, change: BoundsChange | None) -> Row:
    code = proposal.today.code
    return Row(proposal, DEFAULTS[code], change if change and change.bounds[code] else None)


def _words(change: BoundsChange) -> str:
    after = fold_changes([change]).bounds
    told = ", ".join(f"{after[code].figure} {after[code].words}" for code in change.codes)
    return f"{'accepted' if change.shown else 'put back'}: {told}"
