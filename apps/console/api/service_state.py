"""Whether the console lives, whether it predicts, and with which model."""

from fastapi import APIRouter

from apps.console.api.answers import Health, ModelInService, Readiness
from apps.console.api.callers import Caller
from apps.console.api.problems import describe_problems
from apps.console.dependencies import OpenedService
from apps.serving.errors import NotReady

router = APIRouter()


@router.get(
    "/model",
    response_description="The model in service.",
    responses=describe_problems(400, 401, 403, 421, 429, 431, 500, 503),
)
async def show_model(caller: Caller, service: OpenedService) -> ModelInService:  # noqa: ARG001 - asked for its check
    """The model that answers now, and how well it did on the patients by which it was judged."""
    state = service.state()
    if state.model is None:
        raise NotReady(state.reason or "no model answers yet")
    return ModelInService(
        model=state.model,
        reason=state.reason,
        unsure_since=state.unsure_since,
        unchecked=state.unchecked,
        unkept=state.unkept,
    )


@router.get("/health", response_description="The console runs.", responses=describe_problems(400, 403, 421, 431, 500))
async def show_health() -> Health:
    """Whether the console runs, for whoever restarts it where it does not. Open to everybody."""
    return Health()


@router.get(
    "/ready", response_description="Images are answered.", responses=describe_problems(400, 403, 421, 431, 500, 503)
)
async def show_readiness(service: OpenedService) -> Readiness:
    """Whether an image would be answered, for whoever sends requests here. Open to everybody; `/model` says more."""
    if not service.state().ready:
        raise NotReady("no model answers yet")
    return Readiness()
