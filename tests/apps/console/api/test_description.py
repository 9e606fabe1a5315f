"""`/v1/openapi.json`: it is whole, and what the server answers is what it says, whatever is sent."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from schemathesis import checks
from starlette.datastructures import State

from apps.console.api.application import create_api, describe_api
from apps.console.uploads import LIMITS, RAW_KINDS
from apps.serving.limits import ServiceLimits
from tests.hostile.encoding import jpeg, png
from xray_model.data.images import MAXIMUM_PIXELS

DESCRIPTION: dict[str, Any] = describe_api(create_api(State()))
OPERATIONS = [operation for item in DESCRIPTION["paths"].values() for operation in item.values()]
NO_TOKENS = {"generation": {"with-security-parameters": False}}  # each case is sent with a token of ours
API = schemathesis.openapi.from_dict(DESCRIPTION, config=schemathesis.Config.from_dict(NO_TOKENS))
checks.load_all_checks()
LEFT_OUT: list[Any] = checks.CHECKS.get_by_names(
    [
        "positive_data_acceptance",  # a schema cannot say which bytes are an image
        "unsupported_method",  # the guard refuses a body that comes with another method before anybody looks which
    ]
)
_PICTURE = np.add.outer(np.arange(140), np.arange(130)).astype(np.uint8)
_SOUND = st.sampled_from([png(_PICTURE), jpeg(_PICTURE)])
_CUT = st.tuples(_SOUND, st.integers(1, 400)).map(lambda one: one[0][: one[1]])
for _kind in RAW_KINDS:
    schemathesis.openapi.media_type(_kind, _SOUND | _CUT | st.binary(max_size=300))


def validate(case: schemathesis.Case[Any], asker: httpx.Client) -> None:
    """Send a case; the status, the headers and the body of the answer are as described, and no server error."""
    case.call_and_validate(
        base_url=f"{asker.base_url}/v1",
        headers={"Authorization": asker.headers["authorization"]},
        excluded_checks=LEFT_OUT,
    )


FEW = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@API.parametrize()
@FEW
def test_answers_are_as_described(case: schemathesis.Case[Any], asker: httpx.Client) -> None:
    """Whatever is sent, nothing breaks, and the answer is what the description says."""
    validate(case, asker)


@pytest.mark.slow
@API.include(path="/predict").parametrize()
@settings(FEW, max_examples=2_000)
def test_two_thousand_answers_are_as_described(case: schemathesis.Case[Any], asker: httpx.Client) -> None:
    """As above, far longer."""
    validate(case, asker)


def test_every_answer_has_an_example_that_is_one() -> None:
    """Each status is described, and each example follows its schema."""
    for operation in OPERATIONS:
        for status, answer in operation["responses"].items():
            ((kind, content),) = answer["content"].items()
            schema = {**content["schema"], "components": DESCRIPTION["components"]}
            named = DESCRIPTION["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
            for example in [content["example"]] if "example" in content else named["examples"]:
                Draft202012Validator(schema).validate(example)
            assert kind == ("application/json" if status == "200" else "application/problem+json")
            assert answer["description"] not in {"", "Successful Response"}
            assert ("Retry-After" in answer.get("headers", {})) == (status in {"429", "503"})


def test_everything_is_described() -> None:
    """Operations, parameters and fields say what they are, and who may ask."""
    schemas = DESCRIPTION["components"]["schemas"]
    fields = {f"{name}.{field}": told for name, one in schemas.items() for field, told in one["properties"].items()}
    untold = [name for name, told in fields.items() if "description" not in told]
    assert untold == ["Interval.value", "Interval.low", "Interval.high"]
    assert [one["operationId"] for one in OPERATIONS if not one["description"]] == []
    secured = {one["operationId"] for one in OPERATIONS if one.get("security") == [{"token": []}]}
    assert secured == {"predict_images", "show_model"}
    assert DESCRIPTION["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for bound in ("50,000,000", "40,000,000", "32 files", "256 images"):
        assert bound in DESCRIPTION["info"]["description"]
    assert {*DESCRIPTION["paths"]["/predict"]["post"]["requestBody"]["content"]} == {"multipart/form-data", *RAW_KINDS}


def test_the_server_gives_the_description(asker: httpx.Client) -> None:
    """To those who may ask."""
    assert asker.get("/v1/openapi.json").json() == DESCRIPTION


def test_the_document_says_the_bounds_in_force() -> None:
    """What people read is what the code keeps to."""
    page = (Path(__file__).parents[4] / "docs" / "predicting.md").read_text()
    service = ServiceLimits()
    assert f"| {LIMITS.image_bytes // 10**6} MB, {MAXIMUM_PIXELS // 10**6} million pixels |" in page
    assert f"| {LIMITS.images} files, {service.explanations} with heat maps, {LIMITS.body_bytes // 10**6} MB, " in page
    assert f" {LIMITS.seconds:g} seconds to arrive, {service.answer_seconds:g} seconds to be answered |" in page
    held = f"| {LIMITS.bytes_at_once // 10**6} MB, {service.waiting} images, {service.explanations} heat maps |"
    assert held in page
