"""The pages by which people come and go."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from apps.console.access.audit import audit, peer
from apps.console.access.forms import CheckedForm, is_from_own_page, read_form
from apps.console.access.people import Person
from apps.console.access.visiting import Access, SignedIn, find_visitor, local_path
from apps.console.access.visitors import Visitor
from apps.console.rendering import render_page

router = APIRouter()


@router.get("/sign-in")
async def show_sign_in(request: Request) -> Response:
    """The sign-in page; whoever is signed in is led on."""
    going_to = local_path(request.query_params.get("next", "/"))
    if find_visitor(request) is not None:
        return RedirectResponse(going_to, 303)
    return _page(going_to)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Begin a session for whoever knows a person's token."""
    access: Access = request.app.state.access
    if access.settings.proxies:
        raise HTTPException(403, "Nobody signs in here: the proxy says who asks.")
    # There is no session yet whose secret the form could carry, and nobody of whom the audit file could tell: a
    # stranger could fill it without end.
    if not is_from_own_page(request):
        raise HTTPException(403, "This form was sent from another site, so nothing was done.")
    form = await read_form(request)
    going_to = local_path(next(iter(form.many("next")), "/"))
    name = " ".join(form.one("name").split())
    seconds = access.limit.wait(peer(request))
    if seconds:
        text = f"Too many sign-ins failed. Try again in {seconds} seconds."
        return _page(going_to, name, text, 429, {"retry-after": str(seconds)})
    person = access.people.check(name, form.one("token").strip())
    if person is None:
        access.limit.failed(peer(request))
        # Who types the token into the field of the name must not find it in the audit file.
        audit(request, None, "failed sign-in", name=name if access.people.find(name) else None)
        return _page(going_to, name, "Name and token do not belong together.", 403)
    access.limit.succeeded(peer(request))
    return _begin(request, access, person, going_to)


@router.post("/sign-out")
async def sign_out(request: Request, visitor: SignedIn, _: CheckedForm) -> Response:
    """End the session."""
    access: Access = request.app.state.access
    answer = RedirectResponse("/sign-in" if visitor.signed_in else "/", 303)
    if visitor.signed_in:
        access.sessions.end(request.cookies[access.settings.cookie])
        _set_cookie(answer, access, "", 0)
        answer.headers["clear-site-data"] = '"cache"'  # the next one at this browser finds no pictures in it
        audit(request, visitor, "sign-out")
    return answer


def _begin(request: Request, access: Access, person: Person, going_to: str) -> Response:
    # First written down, then done: nobody is signed in of whom the audit file does not know.
    audit(request, Visitor(person.name, person.role, csrf=""), "sign-in")
    access.sessions.end(request.cookies.get(access.settings.cookie, ""))
    answer = RedirectResponse(going_to, 303)
    _set_cookie(answer, access, access.sessions.begin(person), None)
    return answer


def _set_cookie(answer: Response, access: Access, value: str, seconds: int | None) -> None:
    # Lax: a link in a mail or in Prefect opens the page for who is signed in. What changes something is sent by POST,
    # with which another site sends no such cookie, and carries the session's secret besides.
    settings = access.settings
    answer.set_cookie(
        settings.cookie, value, max_age=seconds, path="/", secure=settings.tls, httponly=True, samesite="lax"
    )


def _page(
    going_to: str, name: str = "", fault: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> HTMLResponse:
    page = render_page("sign-in.html", None, status, going_to=going_to, name=name, fault=fault)
    page.headers.update(headers or {})
    return page
