"""The commands of README.md and docs/operations.md, run in their order on drawn X-rays."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from apps.cli import NEEDS_PERSON, app
from storage.store import open_store
from tests.running_documents import NOT_RUN, Scene, read_commands
from xray_model.data.phantoms import BrokenKind, CohortOptions, write_bimcv, write_broken_files

pytestmark = pytest.mark.usefixtures("prefect_server")

EXIT = {"nightly": {0, NEEDS_PERSON}, "doctor": {0, 1}}
"""Exit codes that are answers; every other command ends with 0. What `doctor` finds depends on the machine."""


def test_commands_of_the_documents(home: Path, tmp_path: Path) -> None:
    """Each command that is not listed as `NOT_RUN` does what it says; before a restore everything is wiped."""
    sizes = {"smallest_side": 260, "largest_side": 300, "lateral_share": 0.0}
    folder, shares = tmp_path / "covid19_posi", {"covid": 1, "normal": 1}
    write_bimcv(folder, CohortOptions(patients=64, shares=shares, seed=1, **sizes), workers=2)
    write_broken_files(folder, seed=1, kinds=[BrokenKind.DARK, BrokenKind.GRAY])
    scene, ran = Scene(tmp_path), set()
    for command in read_commands():
        if command in NOT_RUN:
            continue
        words = scene.fit(command)
        if words[0] == "restore":
            shutil.rmtree(home)
            open_store.cache_clear()
        result = CliRunner().invoke(app, words, env={"COLUMNS": "220"})
        assert result.exit_code in EXIT.get(words[0], {0}), f"{command}: {result.output} {result.exception!r}"
        assert result.output.strip(), command
        ran.add(words[0])
    assert ran == {
        *("push", "nightly", "batches", "models", "review", "expectations", "drift", "explore"),
        *("console", "doctor", "predict", "score", "backup", "restore"),
    }
