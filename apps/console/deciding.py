"""Forms that decide: release, reject, relabel, and taking a decision back."""

import logging
import os
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from starlette.background import BackgroundTask

from apps.console.access.audit import audit
from apps.console.access.forms import CheckedForm, Form
from apps.console.access.visiting import Steward
from apps.console.access.visitors import Visitor
from apps.console.choosing import Choice, fingerprint
from apps.console.dependencies import OpenedDesk
from storage.decisions import Recorded
from storage.desk import Desk, Review
from xray_model.data.decisions import Action, Decision, Proposal, propose
from xray_model.errors import InvalidInput, ObjectNotFound

router = APIRouter()
log = logging.getLogger(__name__)

SEE_OTHER = 303


@router.post("/batches/{batch_id}/decisions")
def decide(batch_id: str, request: Request, steward: Steward, desk: OpenedDesk, form: CheckedForm) -> RedirectResponse:
    """Release, reject or relabel images of a batch; then back to where the form stood.

    Raises:
        InvalidInput: it cannot be decided so, or the images are no longer those that the form's reader saw.
    """
    action = form.one("action")
    if action == Action.HOLD:
        raise InvalidInput("a batch is held by the pipeline alone: release it, or reject it")
    label = form.one("label") if action == Action.RELABEL else None
    wanted = partial(propose, batch_id=batch_id, action=action, label=label, who=steward.name, why=form.one("why"))
    images = _chosen_images(desk, batch_id, request, form, wanted)
    return _record(desk, request, steward, wanted(image_ids=images), form)


@router.post("/decisions/{decision_id}/undo")
def undo(decision_id: str, request: Request, steward: Steward, desk: OpenedDesk, form: CheckedForm) -> RedirectResponse:
    """Take a decision back.

    Raises:
        ObjectNotFound: there is no such decision.
        InvalidInput: it was undone already.
    """
    batch_id = next((one.batch_id for one in desk.list_decisions() if one.id == decision_id), None)
    if batch_id is None:
        raise ObjectNotFound("there is no such decision")
    proposal = propose(batch_id=batch_id, action=Action.UNDO, undoes=decision_id, who=steward.name, why=form.one("why"))
    return _record(desk, request, steward, proposal, form)


def _chosen_images(
    desk: Desk, batch_id: str, request: Request, form: Form, wanted: Callable[..., Proposal]
) -> tuple[str, ...]:
    """The images that a form is about; none for the whole batch."""
    match form.one("about"):
        case "batch":
            return ()
        case "ticked":
            ticked = form.many("image")
            if not ticked:
                raise InvalidInput("no image is ticked: tick those you mean, or choose all of the list")
            return tuple(ticked)
        case "list":
            review = desk.review(batch_id)
            rows = Choice.of(request.query_params, review).select(review)
            if fingerprint(rows) != form.one("seen"):
                return _sent_before(review, form, wanted)
            # What can never be released was said beside the button; the others are meant.
            chosen = rows[rows["never"].isna()] if form.one("action") == Action.RELEASE else rows
            if chosen.empty:
                raise InvalidInput("none of these images can ever be released: each of them says why")
            return tuple(chosen["image_id"])
        case about:
            raise InvalidInput(f"a decision is about ticked images, the list or the batch, not {about!r}")


def _sent_before(review: Review, form: Form, wanted: Callable[..., Proposal]) -> tuple[str, ...]:
    """The images of the decision by which this very form, sent a second time, has changed its list itself.

    Raises:
        InvalidInput: something else has changed it.
    """
    token = form.one("token")
    for one in review.decisions:
        if one.action == form.one("action") and wanted(image_ids=one.image_ids).identify(token) == one.id:
            return one.image_ids
    raise InvalidInput("the list has changed since you looked at it: look again, nothing was decided")


def _record(desk: Desk, request: Request, steward: Visitor, proposal: Proposal, form: Form) -> RedirectResponse:
    recorded = desk.record(proposal, form.one("token"))
    decision = recorded.decision
    audit(
        request,
        steward,
        "decision",
        decision=decision.id,
        batch=decision.batch_id,
        action=decision.action,
        images=len(decision.image_ids),
        new=recorded.new,
    )
    tell = recorded.new and recorded.accepted and "PREFECT_API_URL" in os.environ
    background = BackgroundTask(tell_prefect, recorded) if tell else None
    return RedirectResponse(_next_page(desk, request, decision, form), SEE_OTHER, background=background)


def _next_page(desk: Desk, request: Request, decision: Decision, form: Form) -> str:
    """The image that the form's reader would look at next, or the batch with the same choice of images."""
    try:
        review = desk.review(decision.batch_id)
    except InvalidInput:  # a decision on a reading that was replaced can only be taken back, and in history alone
        return "/history"
    choice = Choice.of(request.query_params, review)
    page = f"/batches/{quote(decision.batch_id)}"
    following = next(iter(form.many("next")), None)
    if following in review.places:
        page = f"{page}/images/{following}"
    return f"{page}{choice.query}&decided={decision.id}"


def tell_prefect(recorded: Recorded) -> None:
    """Tell Prefect of a release; the decision counts either way, with the next night at the latest."""
    from tasks.decisions import announce_release  # only now: Prefect takes a second

    if announce_release(recorded):
        log.info("Prefect was told of decision %s", recorded.decision.id)
    else:
        log.warning("the Prefect server does not answer: decision %s counts from the next night", recorded.decision.id)
