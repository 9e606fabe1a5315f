"""Reading what lies in deploy/: compose.yaml as compose would, the Dockerfile by stages, manifests, pools."""

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
POOLS = tuple(sorted((DEPLOY / "pools").glob("*.json")))
VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?:(:?[-?])([^}]*))?\}")
PLACEHOLDER = re.compile(r"\{\{ (\w+) \}\}")
PINNED = re.compile(r"[a-z0-9./-]+:[\w.-]+@sha256:[0-9a-f]{64}")


def read_variables(path: Path) -> dict[str, str]:
    """A file of `NAME=value` lines."""
    lines = (line.partition("=") for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in lines}


def fill_variables(text: str, values: Mapping[str, str]) -> str:
    """`text` with its `${VARIABLE}`s, as compose fills them; one that is required and missing is a KeyError."""

    def value(match: re.Match[str]) -> str:
        name, sign, default = match.groups()
        found = values.get(name)
        if found is None or (not found and (sign or "").startswith(":")):
            if sign is None or "?" in sign:
                raise KeyError(name)
            return str(default)
        return found

    return VARIABLE.sub(value, text)


def compose_text() -> str:
    """compose.yaml without its comments."""
    return re.sub(r"(^|\s)#.*", "", (DEPLOY / "compose.yaml").read_text())


def read_compose(values: Mapping[str, str]) -> dict[str, Any]:
    """compose.yaml with its variables filled."""
    found: dict[str, Any] = yaml.safe_load(fill_variables(compose_text(), values))
    return found


def raw_services() -> dict[str, dict[str, Any]]:
    """The services of compose.yaml with their variables as they are written."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(compose_text())["services"]
    return found


def example_values() -> dict[str, str]:
    """.env.example, with something in place of each secret that is to be filled in."""
    required = {match[1] for match in VARIABLE.finditer(compose_text()) if "?" in (match[2] or "")}
    return read_variables(DEPLOY / ".env.example") | dict.fromkeys(required, "filled")


@dataclass
class Stage:
    """One `FROM` of the Dockerfile."""

    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def last(self, name: str) -> str | None:
        """The arguments of the last instruction of this name."""
        return next((words for found, words in reversed(self.instructions) if found == name), None)


def read_dockerfile() -> tuple[dict[str, str], dict[str, Stage]]:
    """The Dockerfile's global arguments, and its stages by name."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    arguments: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    for line in filter(None, text.splitlines()):
        name, _, words = line.partition(" ")
        if name == "FROM":
            base, _, stage = words.partition(" AS ")
            stages[stage] = Stage(base)
        elif stages:
            next(reversed(stages.values())).instructions.append((name, " ".join(words.split())))
        else:
            argument, _, value = words.partition("=")
            arguments[argument] = value
    return arguments, stages


def read_manifests() -> list[dict[str, Any]]:
    """All objects that kustomization.yaml applies, as they are written."""
    names = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    return [found for name in names for found in yaml.safe_load_all((KUBERNETES / name).read_text())]


def read_pool(path: Path) -> dict[str, Any]:
    """The base job template of a work pool."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def fill_job(pool: Mapping[str, Any]) -> Any:
    """A pool's job with the defaults of its variables; one without a default stays away, as Prefect does it."""
    properties = pool["variables"]["properties"]

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            filled = {key: fill(item) for key, item in value.items()}
            return {key: item for key, item in filled.items() if item is not None}
        if isinstance(value, list):
            return [fill(item) for item in value]
        if isinstance(value, str):
            whole = PLACEHOLDER.fullmatch(value)
            return properties[whole[1]].get("default") if whole else PLACEHOLDER.sub("run", value)
        return value

    return fill(pool["job_configuration"])


def pod_specs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod: of the manifests, and of the jobs that the pools start."""
    for found in read_manifests():
        if found["kind"] in {"Deployment", "Job"}:
            yield found["metadata"]["name"], found["spec"]["template"]["spec"]
    for path in POOLS:
        manifest = read_pool(path)["job_configuration"].get("job_manifest")
        if manifest:
            yield path.stem, manifest["spec"]["template"]["spec"]


def read_lock(path: Path) -> dict[str, str]:
    """The packages of a lock file by name, with their versions and markers."""
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[\w,-]+\])?==([^\\]+?) \\$", path.read_text(), flags=re.MULTILINE))


def load_script(name: str) -> ModuleType:
    """A program of deploy/scripts as a module."""
    spec = importlib.util.spec_from_file_location(name, DEPLOY / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
