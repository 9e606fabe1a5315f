"""The API as an application of its own, which the console mounts."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from starlette.datastructures import State

from apps.console.api import predicting, service_state
from apps.console.api.callers import Caller
from apps.console.api.problems import API_PREFIX, Problem, add_problems
from apps.console.uploads import LIMITS
from apps.serving.limits import ServiceLimits
from xray_model.data.images import MAXIMUM_PIXELS
from xray_model.outcomes import NOTICE

_SERVICE = ServiceLimits()
_DESCRIPTION = f"""**{NOTICE}**

What the champion says of chest X-rays: PNG and JPEG (8 and 16 bits) and DICOM.

Bounds: {LIMITS.images} files of {LIMITS.image_bytes:,} bytes and {MAXIMUM_PIXELS:,} pixels each, {LIMITS.body_bytes:,}
bytes together, {LIMITS.seconds:g} seconds to arrive, {_SERVICE.answer_seconds:g} seconds to be answered;
{_SERVICE.explanations} files where heat maps are wanted. Of all requests under way together: {LIMITS.bytes_at_once:,}
bytes, {_SERVICE.waiting} images and {_SERVICE.explanations} heat maps. What is too much at that moment gets 503 and
`Retry-After`: send it again.

Whatever cannot be done is answered as `application/problem+json` (RFC 9457) with a reason.
"""


def create_api(state: State) -> FastAPI:
    """The API of a console whose routes share its `state`: access, intake and service."""
    api = FastAPI(
        title="xray predictions",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        servers=[{"url": API_PREFIX}],
    )
    api.state = state
    add_problems(api)
    api.include_router(predicting.router)
    api.include_router(service_state.router)

    @api.get("/openapi.json", include_in_schema=False)
    def show_description(caller: Caller) -> JSONResponse:  # noqa: ARG001 - asked for its check
        return JSONResponse(describe_api(api))

    return api


def describe_api(api: FastAPI) -> dict[str, Any]:
    """The API in OpenAPI 3.1."""
    if api.openapi_schema is None:
        schema = get_openapi(
            title=api.title, version=api.version, description=api.description, routes=api.routes, servers=api.servers
        )
        schema["components"]["schemas"]["Problem"] = Problem.model_json_schema(mode="serialization")
        api.openapi_schema = schema
    return api.openapi_schema
