"""The base job templates of the work pools."""

import json
from importlib import import_module
from pathlib import Path

import pytest

from tests.deploy.reading import DEPLOY, PLACEHOLDER, POOLS, fill_job, read_dockerfile, read_pool

each_pool = pytest.mark.parametrize("path", POOLS, ids=lambda path: path.stem)


@each_pool
def test_variables_match_placeholders(path: Path) -> None:
    """Each placeholder of a job is a variable, and each variable is used."""
    pool = read_pool(path)
    used = set(PLACEHOLDER.findall(json.dumps(pool["job_configuration"])))
    assert used == set(pool["variables"]["properties"])


@each_pool
def test_defaults_are_of_their_type(path: Path) -> None:
    """The default of every variable is one that Prefect's form would take."""
    jsonschema = import_module("jsonschema")
    for variable in read_pool(path)["variables"]["properties"].values():
        jsonschema.Draft202012Validator.check_schema(variable)
        if "default" in variable:
            jsonschema.validate(variable["default"], variable)


def test_processes_start_where_the_image_has_the_code() -> None:
    """A process begins in the folder that the images copy the code to."""
    assert fill_job(read_pool(DEPLOY / "pools" / "process.json"))["working_dir"] == read_dockerfile()[1]["base"].last(
        "WORKDIR"
    )


def test_gpu_jobs_alone_ask_for_gpus() -> None:
    """A job of the pool `gpu` asks for a whole GPU, its pod may go where GPUs are, and its home outlives it."""
    pods = {
        name: fill_job(read_pool(DEPLOY / "pools" / f"kubernetes-{name}.json"))["job_manifest"]["spec"]["template"][
            "spec"
        ]
        for name in ("cpu", "gpu")
    }
    limits = {name: pod["containers"][0]["resources"]["limits"] for name, pod in pods.items()}
    assert limits["gpu"]["nvidia.com/gpu"] == 1
    assert "nvidia.com/gpu" not in limits["cpu"]
    assert [one["key"] for one in pods["gpu"]["tolerations"]] == ["nvidia.com/gpu"]
    homes = {
        name: next(set(volume) - {"name"} for volume in pod["volumes"] if volume["name"] == "home")
        for name, pod in pods.items()
    }
    assert homes == {"cpu": {"emptyDir"}, "gpu": {"persistentVolumeClaim"}}
