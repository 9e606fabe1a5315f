"""The Dockerfile, what it copies and what it installs."""

import re
import shlex

import pytest

from storage.code_version import ROOMS
from tests.deploy.reading import DEPLOY, PINNED, ROOT, read_dockerfile, read_lock

ARGUMENTS, STAGES = read_dockerfile()
LOCKS = ("requirements.lock", "deploy/gpu.lock", "deploy/services.lock")
each_target = pytest.mark.parametrize("target", ["cpu", "gpu", "services", "s3"])


def allowed() -> list[str]:
    """What .dockerignore lets into the build."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


def test_bases_are_pinned() -> None:
    """Every stage begins with another stage or with an image that an argument pins by its digest."""
    assert all(PINNED.fullmatch(image) for image in ARGUMENTS.values())
    bases = {stage.base for stage in STAGES.values()}
    assert bases <= {f"${{{name}}}" for name in ARGUMENTS} | set(STAGES)


@each_target
def test_target_is_no_root_and_says_how_it_is(target: str) -> None:
    """An image runs as user 10001 and has a health check of its own."""
    assert STAGES[target].last("USER") == "10001:10001"
    assert STAGES[target].last("HEALTHCHECK") is not None


@pytest.mark.parametrize("lock", LOCKS)
def test_packages_come_by_their_hashes(lock: str) -> None:
    """A lock is installed by one stage, with its hashes; every version in it has some, and no address."""
    name = lock.rpartition("/")[2]
    words = [
        words for stage in STAGES.values() for kind, words in stage.instructions if kind == "RUN" and name in words
    ]
    assert words == [f"pip install --no-deps --only-binary :all: --require-hashes -r /locks/{name}"]
    text = (ROOT / lock).read_text()
    assert all("--hash=sha256:" in entry for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:])
    assert "://" not in text


def test_nothing_else_is_installed() -> None:
    """Besides the locks pip installs the code itself alone, without asking for another package."""
    runs = [words for stage in STAGES.values() for kind, words in stage.instructions if kind == "RUN"]
    others = [words for words in runs if "pip install" in words and "--require-hashes" not in words]
    assert len(others) == len([stage for stage in ("cpu", "gpu") if stage in STAGES])
    assert all("--no-deps --no-build-isolation --editable ." in words for words in others)


def test_copied_files_are_there() -> None:
    """What is copied from the folder exists, and .dockerignore lets it through; what it names exists."""
    names = allowed()
    assert all((ROOT / name).exists() for name in names)
    for stage in STAGES.values():
        for words in (shlex.split(words) for kind, words in stage.instructions if kind == "COPY"):
            if words[0].startswith("--from="):
                assert words[0].removeprefix("--from=") in STAGES
            elif words[0] != ".":
                assert words[0] in names


def test_images_hold_the_code_and_nothing_private() -> None:
    """All rooms are in the images, with what makes them a package; no environment, test or data is."""
    names = set(allowed())
    assert {*ROOMS, "pyproject.toml", "README.md", "prefect.yaml"} <= names
    assert names.isdisjoint({".", "deploy", "tests", ".git", ".env", "deploy/.env", "deploy/tls"})


def test_scripts_named_are_there() -> None:
    """Every script that an image, compose.yaml or a manifest starts exists."""
    files = (DEPLOY / "Dockerfile", DEPLOY / "compose.yaml", *(DEPLOY / "kubernetes").glob("*.yaml"))
    named = {match for file in files for match in re.findall(r"deploy/scripts/[\w.]+", file.read_text())}
    assert named == {f"deploy/scripts/{path.name}" for path in (DEPLOY / "scripts").iterdir() if path.is_file()}


def test_locks_agree() -> None:
    """The GPU's image has every package of requirements.lock in its version, and services none in another."""
    base = read_lock(ROOT / LOCKS[0])
    gpu, services = read_lock(ROOT / LOCKS[1]), read_lock(ROOT / LOCKS[2])
    assert base.items() <= gpu.items()
    assert any(name.startswith("nvidia-cudnn") for name in gpu)
    shared = base.keys() & services.keys()
    assert {name: services[name] for name in shared} == {name: base[name] for name in shared}
    assert services["mlflow"] == services["mlflow-skinny"] == base["mlflow-skinny"]
    assert {"psycopg2-binary", "asyncpg", "prefect-kubernetes", "boto3"} <= services.keys()
