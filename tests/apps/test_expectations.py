"""`xray expectations`: what it shows and says, and what it refuses."""

import re

import pandas as pd
import pytest
from typer.testing import CliRunner

from apps.cli import app
from storage.bounds import load_bounds, load_changes
from storage.catalog import commit_batch
from storage.store import Store
from xray_model.data.bounds import DEFAULTS
from xray_model.errors import InvalidInput
from xray_model.outcomes import BatchOutcome, BatchStatus

BATCH = "clinic.may.111111111111"


@pytest.fixture
def filled(store: Store) -> Store:
    """A store of 300 accepted images with rich gray levels, and one quarantined with few."""
    count = 301
    rows = pd.DataFrame(
        {
            "image_id": [f"{place:064x}" for place in range(count)],
            "batch_id": BATCH,
            "source": "clinic",
            "key": [f"incoming/clinic/may/miller-{place}.png" for place in range(count)],
            "status": ["quarantined", *["accepted"] * (count - 1)],
            "std": 20.0,
            "mean": 130.0,
            "entropy": [5.0, *[7.3] * (count - 1)],
            "inversion": 0.0,
            "border": 0.4,
            "saturated": 0.5,
            "aspect": 1.1,
        }
    )
    outcome = BatchOutcome(batch_id=BATCH, source="clinic", name="may", status=BatchStatus.ACCEPTED)
    commit_batch(store.objects, rows, outcome)
    return store


def run(*words: str) -> str:
    """What `xray expectations …` prints."""
    result = CliRunner().invoke(app, ["expectations", *words], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def line_of(output: str, code: str) -> list[str]:
    """The cells of one rule's row."""
    line = next(line for line in output.splitlines() if f"│ {code} " in line)
    return [cell.strip() for cell in line.split("│")[1:-1]]


def proposal_of(output: str) -> str:
    """The id that `propose` printed."""
    found = re.search(r"--proposal ([0-9a-f]{8})", output)
    assert found is not None
    return found[1]


def test_empty_store_proposes_nothing_and_says_why(store: Store) -> None:
    """Without accepted images the bounds are shown as today's, with the reason."""
    told = run("propose")
    assert line_of(told, "blank") == ["blank", "at least 12", "as today", "0 of 0", "0 of 0"]
    assert "No source has 300 accepted images (the largest has 0)" in told
    assert "accept" not in told.replace("accepted", "").replace("Accepted", "")


def test_proposal_is_shown_beside_todays_bound(filled: Store) -> None:
    """Each rule has its bound today, the proposed one, and what stands outside of each; no file is named."""
    told = run("propose")
    assert line_of(told, "too-few-grays") == [
        "too-few-grays",
        "at least 3.5",
        "at least 5.4",
        "0 → 0 of 300",
        "0 → 1 of 1",
    ]
    assert "too-few-grays: At most 1% of each source's accepted images lie below 7.3" in told
    assert "release sound images by name" in told
    assert "miller" not in told


def test_accept_and_reset_say_what_they_cause(filled: Store) -> None:
    """Who accepted what is told and shown, what it counts for, and how to go back; a repeat writes nothing."""
    shown = proposal_of(run("propose"))
    words = ("accept", "too-few-grays", "blank", "--proposal", shown, "--why", "ours are [rich]", "--who", "ada")
    told = run(*words)
    assert "ada accepted: blank at least 16, too-few-grays at least 5.4. ours are [rich]" in told
    assert "The next batches are judged by it. Batches already judged keep their status" in told
    assert "`xray expectations reset blank too-few-grays --why …` goes back" in told
    assert "nothing was written" in run(*words)
    assert line_of(run("show"), "blank")[2:] == ["at least 16 (starts at least 12)", "ada, " + today()]
    assert "bob put back: blank at least 12. too many" in run("reset", "blank", "--why", "too many", "--who", "bob")
    told = run("show")
    assert line_of(told, "blank")[2] == "at least 12"
    assert "ours are [rich]" in told
    assert load_bounds(filled.objects).bounds["too-few-grays"].low == 5.4


def test_all_that_is_proposed_is_accepted_at_once(filled: Store) -> None:
    """--all accepts every proposed bound, and then there is nothing left to accept."""
    shown = proposal_of(run("propose"))
    run("accept", "--all", "--proposal", shown, "--why", "seen")
    (change,) = load_changes(filled.objects)
    assert "too-few-grays" in change.codes
    assert "as today" in line_of(run("propose"), "too-few-grays")
    with pytest.raises(InvalidInput, match="nothing is proposed now"):
        run("accept", "--all", "--proposal", shown, "--why", "seen")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("accept", "blank", "--proposal", "00000000", "--why", "x"), "other bounds are proposed now"),
        (("accept", "age-range", "--proposal", "00000000", "--why", "x"), "there is no bound age-range"),
        (("accept", "blank", "--proposal", "00000000", "--why", " "), "blank"),
        (("accept", "--proposal", "00000000", "--why", "x"), "name the rules"),
        (("accept", "blank", "--all", "--proposal", "00000000", "--why", "x"), "name the rules"),
        (("reset", "blank", "--why", "x"), "stands where the pipeline starts already"),
    ],
)
def test_what_is_refused_is_said_and_not_recorded(filled: Store, words: tuple[str, ...], message: str) -> None:
    """A wrong rule, proposal or reason is one clear error."""
    with pytest.raises(InvalidInput, match=message):
        run(*words)
    assert load_bounds(filled.objects).bounds == DEFAULTS
    assert load_changes(filled.objects) == []


def test_reason_and_proposal_are_required(filled: Store) -> None:
    """Nothing is accepted without --why, or without the id of what was shown."""
    for words in (["accept", "blank", "--why", "x"], ["accept", "blank", "--proposal", "1"], ["reset", "blank"]):
        assert CliRunner().invoke(app, ["expectations", *words]).exit_code == 2


def today() -> str:
    """The date in UTC."""
    return f"{pd.Timestamp.now('UTC'):%Y-%m-%d}"
