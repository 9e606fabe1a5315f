"""compose.yaml: what must hold of every service, whoever changes it."""

import re
from typing import Any

import pytest

from tests.deploy.reading import (
    DEPLOY,
    PINNED,
    VARIABLE,
    compose_text,
    example_values,
    raw_services,
    read_compose,
    read_dockerfile,
    read_variables,
)

COMPOSE = read_compose(example_values())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"prepare"}
SECRET = re.compile("PASSWORD|SECRET|SALT|AUTH|ACCESS_KEY|TOKEN")
REQUIRED = re.compile(r"\$\{[A-Z_]+:\?[^}]*\}")
each_service = pytest.mark.parametrize("name", SERVICES)


@each_service
def test_health_is_checked(name: str) -> None:
    """Every service that stays has a health check, and the one that ends is not restarted."""
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["restart"] == "no"
        assert service["healthcheck"] == {"disable": True}
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"


@each_service
def test_ports_are_on_loopback(name: str) -> None:
    """With the settings of .env.example nothing is published but on 127.0.0.1."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@each_service
def test_nobody_is_root(name: str) -> None:
    """A service runs as a user that is not root: its own, or that of the image built for it."""
    service = SERVICES[name]
    user = service.get("user") or read_dockerfile()[1][service["build"]["target"]].last("USER")
    assert user is not None
    assert int(user.split(":")[0]) > 0


@each_service
def test_container_has_no_more_than_it_needs(name: str) -> None:
    """A service cannot write its image, has no capability, cannot gain one, and has bounds of cores and memory."""
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])


@each_service
def test_image_is_built_here_or_pinned(name: str) -> None:
    """An image is a target of the Dockerfile, tagged with a version, or pinned by its digest."""
    service = SERVICES[name]
    if "build" in service:
        assert service["build"]["target"] in read_dockerfile()[1]
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        assert re.fullmatch(r"xray-\w+:\d+\.\d+\.\d+", service["image"])
    else:
        assert PINNED.fullmatch(service["image"])


def test_secrets_are_never_written() -> None:
    """What is secret is a variable that must be set, and an address has its password from one."""
    for name, service in raw_services().items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert REQUIRED.fullmatch(value), f"{name}: {variable}"
            password = re.search("://[^:/@]+:(.+)@", value)
            assert password is None or REQUIRED.fullmatch(password[1]), f"{name}: {variable}"


def test_missing_secret_is_an_error() -> None:
    """compose.yaml cannot be filled from .env.example as it is: its secrets are empty."""
    values = read_variables(DEPLOY / ".env.example")
    with pytest.raises(KeyError):
        read_compose(values)
    assert all(not value for name, value in values.items() if SECRET.search(name))


def test_example_explains_every_variable() -> None:
    """.env.example holds the variables of compose.yaml, all and no others, and their defaults are the same."""
    values = read_variables(DEPLOY / ".env.example")
    used = {match[1]: match for match in VARIABLE.finditer(compose_text())}
    assert set(values) - {"COMPOSE_PROFILES"} == set(used)
    defaults = {name: match[3] for name, match in used.items() if (match[2] or "").endswith("-")}
    assert {name: values[name] for name in defaults} == defaults


def test_what_is_waited_for_is_there() -> None:
    """A service waits for others by a condition that they can meet."""
    for service in SERVICES.values():
        for other, wait in service.get("depends_on", {}).items():
            ends = other in ONE_SHOT
            assert wait["condition"] == ("service_completed_successfully" if ends else "service_healthy")
            assert "profiles" not in SERVICES[other]


def test_volumes_networks_and_secrets_are_declared() -> None:
    """What services mount or join is declared, what is declared is used, and folders of ours are there."""
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", ())]
    assert {mount for mount in mounts if not mount.startswith(".")} == set(COMPOSE["volumes"])
    assert all((DEPLOY / mount).is_dir() for mount in mounts if mount.startswith("."))
    assert {name for service in SERVICES.values() for name in service["networks"]} == set(COMPOSE["networks"])
    used = {secret["source"] for service in SERVICES.values() for secret in service.get("secrets", ())}
    assert used == set(COMPOSE["secrets"])


def test_one_worker_takes_each_pool() -> None:
    """By its profile either the GPU's worker or a processor's serves the pool `gpu`, and both keep one home."""
    with_gpu, without = SERVICES["worker-gpu"], SERVICES["worker-gpu-without"]
    assert (with_gpu["profiles"], without["profiles"]) == (["gpu"], ["no-gpu"])
    assert with_gpu["volumes"] == without["volumes"]
    (device,) = with_gpu["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["count"]) == ("nvidia", 1)
    command = read_dockerfile()[1]["gpu"].last("CMD")
    assert command is not None
    assert without["command"] == command.strip("[]").replace('"', "").split(", ")
