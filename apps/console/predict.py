"""`/predict`: a person shows the model an X-ray, and sees what it answers, where it looked and how far to trust it."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from apps.console import predict_words as words
from apps.console.access.forms import CheckedForm
from apps.console.access.visiting import SignedIn
from apps.console.access.visitors import Visitor
from apps.console.answers import show_answers
from apps.console.phantoms import PHANTOMS, encode_phantom
from apps.console.rendering import render_page
from apps.console.uploads import LIMITS, CheckedUploads
from apps.serving.errors import NotReady, Overloaded
from apps.serving.service import Answered, PredictionService, Refused, ServiceState
from storage import ledger
from storage.desk import Desk
from xray_model.errors import InvalidInput

router = APIRouter()

MOST_EXPLAINED = 8
"""Images of one request that get heat maps, which take several times as long as an answer."""
_RETRY_SECONDS = 5
_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""That of every page, and pictures that the page itself holds."""
_FOR_A_DAY = {"cache-control": "private, max-age=86400"}


@router.get("/predict")
def show_form(request: Request, visitor: SignedIn) -> HTMLResponse:
    """Where X-rays are dropped; or why nothing answers yet, and what to do."""
    return _form_page(request, visitor)


@router.post("/predict")
async def answer_uploads(request: Request, visitor: SignedIn, uploads: CheckedUploads) -> HTMLResponse:
    """The model's answers to the files that were sent.

    Raises:
        InvalidInput: there is no file.
    """
    if not uploads.images:
        raise InvalidInput("no X-ray was chosen: go back and choose a file")
    return await _answer(request, visitor, uploads.images, record=True)


@router.post("/predict/phantoms")
async def answer_phantom(request: Request, visitor: SignedIn, form: CheckedForm) -> HTMLResponse:
    """The model's answer to a drawn X-ray, which the log of predictions does not take.

    Raises:
        ObjectNotFound: none has the name in the form.
    """
    content = await run_in_threadpool(encode_phantom, form.one("phantom"))
    return await _answer(request, visitor, [content], record=False)


@router.get("/predict/phantoms/{name}.jpg")
def show_phantom(name: str, visitor: SignedIn) -> Response:  # noqa: ARG001 - asked for its check
    """A drawn X-ray.

    Raises:
        ObjectNotFound: there is none of this name.
    """
    return Response(encode_phantom(name), media_type="image/jpeg", headers=_FOR_A_DAY)


async def _answer(request: Request, visitor: Visitor, files: Sequence[bytes], *, record: bool) -> HTMLResponse:
    service: PredictionService | None = request.app.state.service
    if service is None:
        return await run_in_threadpool(_form_page, request, visitor, status=503)
    try:
        answers = await service.answer(files, explain=len(files) <= MOST_EXPLAINED, record=record)
    except NotReady:
        page = await run_in_threadpool(_form_page, request, visitor, status=503)
    except Overloaded:
        page = await run_in_threadpool(_form_page, request, visitor, words.OVERLOADED, words.ASK_AGAIN, status=503)
    else:
        return await run_in_threadpool(_answer_page, request, visitor, answers)
    page.headers["retry-after"] = str(_RETRY_SECONDS)
    return page


def _answer_page(request: Request, visitor: Visitor, answers: Sequence[Answered | Refused]) -> HTMLResponse:
    if len(answers) == 1 and isinstance(answers[0], Refused):
        return _form_page(request, visitor, words.UNREADABLE, answers[0].reason, status=422)
    shown = show_answers(answers)
    page = render_page(
        "answers.html",
        visitor,
        headline=words.answer_headline(shown),
        state=_state(request),
        shown=shown,
        model=next((one.model for one in answers if isinstance(one, Answered)), None),
        most_explained=MOST_EXPLAINED,
    )
    page.headers["content-security-policy"] = _POLICY
    return page


def _form_page(
    request: Request, visitor: Visitor, headline: str | None = None, why: str | None = None, *, status: int = 200
) -> HTMLResponse:
    """The form under the news, or under `headline` and the reason `why` nothing was answered."""
    state = _state(request)
    coming = _find_coming(request, state)
    page = render_page(
        "predict.html",
        visitor,
        status,
        headline=headline or words.form_headline(state, coming),
        why=why,
        state=state,
        coming=coming,
        classes=words.classes_words(state.model) if state and state.model else "",
        limits=words.limits_words(LIMITS),
        phantoms=PHANTOMS,
    )
    if coming is not None and request.method == "GET":  # to load what was posted again would ask the reader first
        page.headers["refresh"] = str(_RETRY_SECONDS)
    return page


def _find_coming(request: Request, state: ServiceState | None) -> int | None:
    """Version of the champion that does not answer yet; None where one answers, or there is none."""
    if state is None or state.ready:
        return None
    desk: Desk = request.app.state.desk
    champion = ledger.champion_of(ledger.load_entries(desk.objects))
    return champion.version if champion else None


def _state(request: Request) -> ServiceState | None:
    service: PredictionService | None = request.app.state.service
    return service.state() if service else None
