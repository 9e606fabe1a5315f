"""The command line: what it refuses, what it says, and the exit codes that a scheduler reads."""

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from apps.cli import app
from apps.demo import begin_home
from apps.night import exit_code, night_options
from storage.incoming import list_batches
from storage.settings import Settings
from storage.store import open_store
from xray_model.errors import ConfigurationError, InvalidInput
from xray_model.outcomes import (
    BatchOutcome,
    BatchStatus,
    Decision,
    DriftOutcome,
    DriftState,
    Interval,
    NightOutcome,
    PromotionOutcome,
    RetrainOutcome,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_help_is_quick_and_light() -> None:
    """`xray --help` answers without importing what only a night needs."""
    started = time.perf_counter()
    heavy = "{'tensorflow', 'keras', 'prefect', 'great_expectations', 'evidently', 'mlflow', 'boto3', 'pandas'}"
    code = f"import sys, apps.cli; apps.cli.app(['--help'], standalone_mode=False); print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")
    assert time.perf_counter() - started < 5


def test_commands_are_named_as_people_type_them() -> None:
    """Started as a module, as where no script is on the path, it still calls itself `xray`."""
    done = subprocess.run([sys.executable, "-m", "apps", "bacthes"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: xray ")


def test_push_puts_files_and_the_mark(home: Path, tmp_path: Path) -> None:
    """A folder goes to its place under incoming and is marked ready; its name is the batch's."""
    (tmp_path / "batch-1" / "sub").mkdir(parents=True)
    (tmp_path / "batch-1" / "sub" / "a.png").write_bytes(b"x")
    (tmp_path / "batch-1" / "link.png").symlink_to("/etc/hostname")
    result = CliRunner().invoke(app, ["push", str(tmp_path / "batch-1"), "--source", "clinic"])
    assert result.exit_code == 0, result.output
    (batch,) = list_batches(open_store(Settings()).objects)
    assert (batch.source, batch.name, batch.marked) == ("clinic", "batch-1", True)
    assert [info.key for info in batch.infos] == ["incoming/clinic/batch-1/sub/a.png"]


@pytest.mark.parametrize(
    ("make", "source", "message"),
    [
        ("nothing", "clinic", "does not exist"),
        ("empty", "clinic", "no file to send"),
        ("text", "clinic", "no archive"),
        ("folder", "../up", "cannot name a source"),
    ],
)
def test_push_refuses_what_makes_no_batch(home: Path, tmp_path: Path, make: str, source: str, message: str) -> None:
    """Nothing is sent where nothing sensible can be, and the message says what to do."""
    path = tmp_path / make
    if make in {"empty", "folder"}:
        path.mkdir()
    if make == "folder":
        (path / "a.png").write_bytes(b"x")
    if make == "text":
        path.write_text("no archive")
    result = CliRunner().invoke(app, ["push", str(path), "--source", source])
    assert result.exit_code == 1
    assert isinstance(result.exception, InvalidInput)
    assert message in str(result.exception)


def test_lists_of_nothing_say_what_to_do(home: Path) -> None:
    """An empty store is no empty table."""
    assert "xray push" in CliRunner().invoke(app, ["batches"]).output
    assert "xray nightly" in CliRunner().invoke(app, ["models"]).output


def test_options_that_are_not_allowed_are_named() -> None:
    """A wrong class, backbone or number is refused before anything runs."""
    with pytest.raises(ConfigurationError, match=r"classes.*fracture|fracture.*classes|Input should be"):
        night_options(backbone="basic_cnn", weights="none", classes="covid,fracture")
    with pytest.raises(ConfigurationError, match="backbone"):
        night_options(backbone="nonesuch", weights="none", classes="covid,normal")


def test_demo_wipes_only_what_a_demo_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with anything else in it is left alone."""
    for name in ("XRAY_HOME", "XRAY_SALT"):
        monkeypatch.setenv(name, "as it was")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigurationError, match="no demo made"):
        begin_home(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()
    begin_home(tmp_path / "fresh")
    (tmp_path / "fresh" / "old").touch()
    begin_home(tmp_path / "fresh")
    assert not (tmp_path / "fresh" / "old").exists()


def test_exit_code_of_a_model_that_waits() -> None:
    """3 where the night's model waits for a steward, so that a scheduler tells somebody."""
    score = Interval(value=0.8, low=0.7, high=0.9)
    decision = Decision(promote=True, checks=(), minority="normal", minority_f1=score, requires_approval=True)
    for after, code in ((None, 3), (1, 0)):
        promotion = PromotionOutcome(
            decision=decision, challenger_version=1, champion_before=None, champion_after=after
        )
        night = NightOutcome(
            night_id="n",
            started=NOW,
            finished=NOW,
            batches=(),
            drift=DriftOutcome(state=DriftState.UNKNOWN, reasons=("nothing new",)),
            retrain=RetrainOutcome(trained=True, reasons=("why",), promotion=promotion),
            champion=None,
        )
        assert exit_code(night) == code


@pytest.mark.parametrize(
    ("statuses", "failed", "code"),
    [
        ([], False, 0),
        ([BatchStatus.ACCEPTED], False, 0),
        ([BatchStatus.ACCEPTED, BatchStatus.HELD], False, 3),
        ([BatchStatus.REFUSED], False, 3),
        ([BatchStatus.FAILED], False, 3),
        ([BatchStatus.ACCEPTED], True, 1),
        ([BatchStatus.HELD], True, 1),
    ],
)
def test_exit_code(statuses: list[BatchStatus], failed: bool, code: int) -> None:
    """0 when nothing waits, 3 when a batch waits for a person, 1 when the training failed."""
    night = NightOutcome(
        night_id="n",
        started=NOW,
        finished=NOW,
        batches=tuple(BatchOutcome(batch_id=str(status), source="s", name="b", status=status) for status in statuses),
        drift=DriftOutcome(state=DriftState.UNKNOWN, reasons=("nothing new",)),
        retrain=RetrainOutcome(trained=False, failed=failed, reasons=("why",)),
        champion=None,
    )
    assert exit_code(night) == code
