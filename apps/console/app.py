"""The console as an application: its routes, and what stands before them."""

from fastapi import FastAPI, Response

from apps.console import (
    batch,
    batches,
    bounds,
    deciding,
    desk,
    history,
    image,
    metrics,
    models,
    pictures,
    predict,
    stored_reports,
)
from apps.console.access import signing_in
from apps.console.access.guard import Guard
from apps.console.access.settings import ConsoleSettings
from apps.console.access.visiting import Access
from apps.console.api.application import create_api
from apps.console.api.problems import API_PREFIX
from apps.console.refusals import add_refusals
from apps.console.rendering import load_console_style, style_url
from apps.console.uploads import Intake
from apps.serving.service import PredictionService
from storage.desk import Desk
from storage.store import Store

_PAGES = (
    desk,
    batches,
    batch,
    image,
    pictures,
    deciding,
    history,
    bounds,
    models,
    predict,
    stored_reports,
    metrics,
)
_FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}


def create_app(console: ConsoleSettings, store: Store, service: PredictionService | None = None) -> FastAPI:
    """The console of one store, and of the service that predicts, where there is one.

    Routes find them as `app.state.desk` and `app.state.service`.
    """
    app = FastAPI(title="xray", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.desk = Desk(store.objects)
    app.state.service = service
    app.state.scrapes = metrics.Scrapes(app.state.desk)
    app.state.access = Access(console)
    app.state.intake = Intake()
    app.add_middleware(Guard, settings=console)
    add_refusals(app)
    app.include_router(signing_in.router)
    for pages in _PAGES:
        app.include_router(pages.router)
    app.mount(API_PREFIX, create_api(app.state))

    @app.get(style_url())
    async def style() -> Response:
        return Response(load_console_style(), media_type="text/css", headers=_FOR_EVER)

    @app.get("/favicon.ico")
    async def icon() -> Response:
        return Response(status_code=204, headers=_FOR_EVER)  # browsers ask for one, whether or not a page names it

    return app
