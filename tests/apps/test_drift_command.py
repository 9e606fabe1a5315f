"""`xray drift`: what it asks of the flow, what it prints, and how it ends."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from apps import comparison
from apps.cli import app
from storage.store import Store
from tests.apps.console.filling import fill
from tests.storage.reports.comparing import compared
from xray_model.config import DriftPolicy, MonitorOptions
from xray_model.errors import ConfigurationError, InvalidInput
from xray_model.outcomes import DriftOutcome, DriftState, MonitorOutcome

Run = Callable[..., Result]


class Asked:
    """Stands in for the flow: keeps what it was asked, and answers as it was told to."""

    def __init__(self) -> None:
        self.flow = ""
        self.options = MonitorOptions()
        self.answer: tuple[DriftOutcome, ...] = ()

    def __call__(self, flow: str, options: Any, *_: object, **__: object) -> MonitorOutcome:
        """Take the place of `start_flow`."""
        self.flow, self.options = flow, options
        return MonitorOutcome(drifts=self.answer)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The flow's double, in its place."""
    double = Asked()
    monkeypatch.setattr(comparison, "start_flow", double)
    return double


@pytest.fixture
def run(store: Store, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `xray drift` with these words, on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, ["drift", *words])


def test_without_words_it_looks_at_the_last_days(run: Run, asked: Asked) -> None:
    """Nothing named: the flow looks at its own window and at what was served, and changes nothing."""
    result = run()
    assert result.exit_code == 0, result.output
    assert asked.flow == "monitor"
    assert asked.options == MonitorOptions(hold=False, announce=False)
    assert "There was nothing to compare." in result.output


def test_words_become_options(run: Run, asked: Asked, store: Store) -> None:
    """Batches by the beginning of their id or by name, the days, the reference and what is served reach the flow."""
    ids = [fill(store, name, ["accepted"]) for name in ("may", "june")]
    assert run("--batch", "hospital.may", "--batch", "june", "--against", "5f2c").exit_code == 0
    assert asked.options == MonitorOptions(batches=tuple(ids), against="5f2c", hold=False, announce=False)
    words = ["--since", "2026-05-01", "--until", "2026-05-07", "--no-served", "--set", "drift.number_hold=2"]
    assert run(*words).exit_code == 0
    assert asked.options == MonitorOptions(
        since=date(2026, 5, 1),
        until=date(2026, 5, 7),
        served=False,
        hold=False,
        announce=False,
        policy=DriftPolicy(number_hold=2),
    )


def test_drift_is_told_and_is_no_failure(run: Run, asked: Asked) -> None:
    """Each comparison has its state and its reasons, then what could not be compared and where to look; exit code 0."""
    page = "reports/drift/x/index.html"
    asked.answer = (
        compared(page_key=page, report_key="reports/drift/x/evidently.html", reasons=("Brighter than [before].",)),
        compared(DriftState.UNKNOWN, subject="served", name="2026-05-01 to 2026-05-07"),
    )
    result = run()
    assert result.exit_code == 0, result.output
    for part in (
        "bimcv / b1",
        "hold",
        "4 of 5",
        "Brighter than [before].",
        "what the model was asked, 2026-05-01 to 2026-05-07",
        "not compared",
        f"/store/{page}",
        "evidently ui --workspace ",
    ):
        assert part in result.output
    assert result.output.count("The bits stored are the same everywhere.") == 2  # one for each comparison


def test_nothing_measured_names_no_workspace(run: Run, asked: Asked) -> None:
    """Where Evidently measured nothing there is nothing of it to look at."""
    asked.answer = (compared(DriftState.UNKNOWN, page_key="reports/drift/x/index.html"),)
    assert "evidently" not in run().output


@pytest.mark.parametrize(
    "words",
    [
        ["--since", "May"],
        ["--since", "2026-05-07", "--until", "2026-05-01"],
        ["--since", "2999-01-01"],
        ["--set", "drift.number_hold=-1"],
        ["--unknown"],
    ],
)
def test_wrong_words_are_refused(run: Run, asked: Asked, words: list[str]) -> None:
    """What cannot be understood ends with 2, before any flow starts."""
    assert run(*words).exit_code == 2
    assert asked.flow == ""


def test_days_beside_a_batch_are_refused(run: Run, asked: Asked, store: Store) -> None:
    """They would be asked of nothing, and the answer says which of the two to name."""
    fill(store, "may", ["accepted"])
    result = run("--batch", "may", "--since", "2026-05-01")
    assert result.exit_code == 2
    assert "name batches or days" in result.output
    assert asked.flow == ""


def test_an_option_of_training_is_none_of_drift(run: Run, asked: Asked) -> None:
    """It is answered with those of the policy."""
    result = run("--set", "rebalancing=smote")
    assert isinstance(result.exception, ConfigurationError)
    assert "drift.number_hold" in str(result.exception)
    assert asked.flow == ""


def test_batch_there_is_not_is_named(run: Run, asked: Asked) -> None:
    """A batch that is not in the catalog is refused by its name."""
    result = run("--batch", "nonesuch")
    assert result.exit_code == 1
    assert isinstance(result.exception, InvalidInput)
    assert "nonesuch" in str(result.exception)
    assert asked.flow == ""
