"""The version of the code: which commit, whether anything differs from it, and a hash where there is none."""

import os
from importlib import metadata
from pathlib import Path

import pytest

from storage.code_version import PACKAGE, ROOMS, ROOT, read_code_version
from tests.storage.repositories import commit_code


def test_every_room_is_part_of_the_sources() -> None:
    """The rooms are those of the project, and this code has a version."""
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == {*ROOMS}
    assert len(read_code_version(ROOT).sources) == 64


def test_clean_commit_is_the_whole_version(tmp_path: Path) -> None:
    """Files that are no source of the project, beside it or ignored, do not make it another code."""
    commit = commit_code(tmp_path)
    (tmp_path / "notes.txt").write_text("beside")
    (tmp_path / "tasks" / "__pycache__").mkdir()
    (tmp_path / ".gitignore").write_text("__pycache__")
    (tmp_path / "tasks" / "__pycache__" / "training.pyc").write_text("ignored")
    version = read_code_version(tmp_path)
    assert (version.commit, version.changed) == (commit, False)
    assert str(version).endswith(f"git {commit}")


@pytest.mark.parametrize("name", ["tasks/training.py", "tasks/new.py"])
def test_uncommitted_source_is_seen(tmp_path: Path, name: str) -> None:
    """A changed file and a new one are told, each content as another version."""
    commit = commit_code(tmp_path)
    versions = set()
    for text in ("rate = 2", "rate = 3"):
        (tmp_path / name).write_text(text)
        version = read_code_version(tmp_path)
        assert (version.commit, version.changed) == (commit, True)
        versions.add(str(version))
    assert len(versions) == 2


def test_repository_of_somebody_else_is_not_ours(tmp_path: Path) -> None:
    """Installed into an environment inside another repository, the code has no commit but its hash."""
    commit_code(tmp_path)
    installed = tmp_path / "env" / "site-packages"
    (installed / "tasks").mkdir(parents=True)
    (installed / "tasks" / "training.py").write_text("rate = 1")
    version = read_code_version(installed)
    assert version.commit is None
    assert version.sources == read_code_version(tmp_path).sources
    assert f"sources sha256 {version.sources}" in str(version)


@pytest.mark.parametrize("path", [os.devnull, "/nowhere"])
def test_without_git_there_is_the_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Where the code lies in no repository, or git cannot be run, its files tell it from other code."""
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage" / "a.py").write_text("a")
    first = read_code_version(tmp_path)
    (tmp_path / "storage" / "a.py").rename(tmp_path / "storage" / "b.py")
    second = read_code_version(tmp_path)
    assert first.commit is second.commit is None
    assert first.sources != second.sources
    commit_code(tmp_path)
    monkeypatch.setenv("PATH", path)
    assert read_code_version(tmp_path).commit is None
    assert first.package == metadata.version(PACKAGE)
