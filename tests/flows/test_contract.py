"""prefect.yaml as a contract: what it names is there, and what it gives fits, before any server is asked."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.utilities.importtools import from_qualified_name
from prefect.utilities.schema_tools import is_valid_schema, validate

from flows.routing import FOR_LIFE
from tasks.decisions import RELEASED
from tasks.monitoring import RETRAIN

ROOT = Path(__file__).resolve().parents[2]
CONTRACT: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text())
DEPLOYMENTS: dict[str, dict[str, Any]] = {one["name"]: one for one in CONTRACT["deployments"]}


def load(deployment: dict[str, Any]) -> Flow[..., Any]:
    """The flow that a deployment runs."""
    flow: Flow[..., Any] = load_flow_from_entrypoint(str(ROOT / deployment["entrypoint"]))
    return flow


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_deployment_s_parameters_fit_its_flow(name: str) -> None:
    """Its flow is there under its name, takes options as one pydantic model, and what is given fits their schema."""
    deployment = DEPLOYMENTS[name]
    flow = load(deployment)
    assert flow.name == name
    schema = parameter_schema(flow).model_dump_for_openapi()
    is_valid_schema(schema, preprocess=True)
    assert not validate(deployment["parameters"], schema, preprocess=True)
    flow.validate_parameters(deployment["parameters"])
    options = schema["properties"]["options"]
    (model,) = [part for part in options.get("anyOf", [options]) if "$ref" in part]
    fields = schema["definitions"][model["$ref"].rsplit("/", 1)[1]]["properties"]
    assert fields
    assert validate({"options": {next(iter(fields)): object}}, schema, preprocess=True)


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_deployment_is_described_and_has_a_pool(name: str) -> None:
    """It works on one of the contract's pools, whose runs outlive a server that is away, and are heard often enough."""
    deployment = DEPLOYMENTS[name]
    assert deployment["description"]
    assert deployment["work_pool"] in CONTRACT["definitions"]["pools"].values()
    environment = deployment["work_pool"]["job_variables"]["env"]
    assert int(environment["PREFECT_CLIENT_MAX_RETRIES"]) >= 8
    assert 4 * int(environment["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]) <= FOR_LIFE.total_seconds()


def test_the_pull_step_gives_the_folder_of_the_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From wherever a worker runs it, the entrypoints are found below."""
    monkeypatch.chdir(tmp_path)
    ((name, inputs),) = CONTRACT["pull"][0].items()
    folder = Path(from_qualified_name(name)(**inputs)["directory"])
    assert Path.cwd() == folder
    for deployment in DEPLOYMENTS.values():
        assert (folder / deployment["entrypoint"].split(":")[0]).is_file()


def test_late_nights_do_not_pile_up() -> None:
    """The night is at a time of a named zone, and a second one beside the first is dropped."""
    nightly = DEPLOYMENTS["nightly"]
    assert nightly["schedules"] == [{"cron": "0 2 * * *", "timezone": "UTC", "active": True}]
    assert nightly["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}


def test_a_release_and_a_drift_start_a_training() -> None:
    """The events are those that the tasks emit."""
    expected = {
        event: one["match"]["prefect.resource.id"]
        for one in DEPLOYMENTS["retrain"]["triggers"]
        for event in one["expect"]
    }
    assert expected == {RELEASED: "xray.batch.*", RETRAIN: "xray.drift.*"}
