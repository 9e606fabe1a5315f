"""Which code made a model: the package's version, the commit it ran from, and a hash of its files."""

import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PACKAGE = "xray-pipeline"
ROOMS = ("apps", "expectations", "flows", "storage", "tasks", "xray_model")
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class CodeVersion:
    """What tells one code from another; two that differ in a source file are never written the same."""

    package: str
    """Version of the installed package, `not installed` where the code runs from its folder alone."""
    commit: str | None
    """Git commit, 40 digits; None where the code runs from no repository of its own."""
    changed: bool
    """Whether a source file differs from that commit."""
    sources: str
    """Sha256 over names and contents of all source files."""

    def __str__(self) -> str:
        if self.commit is None:
            return f"{self.package}, sources sha256 {self.sources}"
        commit = f"{self.package}, git {self.commit}"
        return f"{commit} with changes, sources sha256 {self.sources}" if self.changed else commit


def read_code_version(root: Path) -> CodeVersion:
    """The version of the code below `root`, the folder that holds the rooms."""
    commit, changed = _read_commit(root)
    return CodeVersion(_read_package(), commit, changed, _hash_sources(root))


def _read_package() -> str:
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        return "not installed"


def _read_commit(root: Path) -> tuple[str | None, bool]:
    try:
        from git import Repo
        from git.exc import GitError
    except ImportError:  # GitPython refuses to be imported where there is no git
        return None, False
    rooms = [str(root / room) for room in ROOMS]
    try:
        with Repo(root, search_parent_directories=True) as repo:
            # An environment may lie in a repository that knows nothing of the packages installed there.
            if not repo.git.ls_files("--", *rooms):
                return None, False
            return repo.head.commit.hexsha, bool(repo.git.status("--porcelain", "--", *rooms))
    except (GitError, OSError, ValueError):  # no git, no repository, one that git will not read, or no commit
        return None, False


def _hash_sources(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (root / room).rglob("*.py")):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()
