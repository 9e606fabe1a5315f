"""Small git repositories that hold some code."""

from pathlib import Path

from git import Actor, Repo


def commit_code(root: Path) -> str:
    """Make a repository at `root` with one source file of this project's; returns the commit."""
    source = root / "tasks" / "training.py"
    source.parent.mkdir(parents=True)
    source.write_text("rate = 1")
    someone = Actor("Someone", "someone@example.org")
    with Repo.init(root) as repo:
        repo.git.add("--all")
        return repo.index.commit("Begin", author=someone, committer=someone).hexsha
