"""`/reports/…`: the written reports, as they lie in the store."""

import re

from fastapi import APIRouter, Response

from apps.console.access.visiting import SignedIn
from apps.console.dependencies import OpenedDesk
from storage.objects.keys import check_key
from storage.reports import keys
from xray_model.errors import InvalidInput, ObjectNotFound

router = APIRouter()

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_OURS = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Our own pages hold no script, and name the digest of their one style sheet themselves; their icon is `data:,`."""
_FOREIGN = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Evidently's page draws itself by script: it may, as a page of no origin, which can neither read nor send anything."""
_EVIDENTLY = re.compile(rf"{re.escape(keys.DRIFT)}[^/]+/evidently\.html|{re.escape(keys.NIGHTS)}[^/]+/drift\.html")
"""Where it lies, and where nights kept it that were reported before drift had pages of its own."""


@router.get("/reports/{path:path}")
def show_report(path: str, visitor: SignedIn, desk: OpenedDesk) -> Response:  # noqa: ARG001 - asked for its check
    """One file of the reports.

    Raises:
        ObjectNotFound: there is none of this name and of a kind that reports have.
    """
    key = f"{keys.ROOT}/{path}"
    kind = _KINDS.get(key[key.rfind(".") :])
    try:
        check_key(key)
    except InvalidInput:
        kind = None
    if kind is None:
        raise ObjectNotFound("there is no such report")
    policy = _FOREIGN if _EVIDENTLY.fullmatch(key) else _OURS
    return Response(desk.objects.get(key), media_type=kind, headers={"Content-Security-Policy": policy})
