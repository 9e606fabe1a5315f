"""Who may ask the API: people who are signed in, and programs that hold a person's token."""

from typing import Annotated

from fastapi import HTTPException, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from apps.console.access.audit import audit
from apps.console.access.forms import is_from_another_site
from apps.console.access.scraping import Scraper
from apps.console.access.visitors import Visitor

_TOKEN = HTTPBearer(
    scheme_name="token",
    auto_error=False,
    description="The token that `xray console add NAME --role viewer` prints. A browser in which somebody is signed in "
    "needs none, nor does anybody at a console on a machine's own loopback while no people are named. Behind a proxy "
    "that signs people in, the proxy says who asks.",
)


async def current_caller(
    request: Request,
    visitor: Scraper,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_TOKEN)],
) -> Visitor:
    """Who asks. The token itself is checked by `Scraper`; the scheme is here for the description alone.

    Raises:
        HTTPException: 403, a page of another site made a browser ask; written to the audit file.
    """
    if request.method == "POST" and is_from_another_site(request):
        audit(request, visitor, "forged request", path=request.url.path, why="sent from another site")
        raise HTTPException(403, "This was sent from a page of another site, so nothing was done.")
    return visitor


Caller = Annotated[Visitor, Security(current_caller)]
"""A route with such an argument is for people and for programs that hold a person's token."""
