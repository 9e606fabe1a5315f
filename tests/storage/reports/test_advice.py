"""What a steward is told to do."""

import re
import shlex
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.reports.advice import advise, push_command
from xray_model.outcomes import BatchOutcome


@pytest.mark.parametrize("status", ["accepted", "held", "refused", "failed"])
def test_advice_says_what_happens_if_nothing_is_done(make_batch: Callable[..., BatchOutcome], status: str) -> None:
    """Every batch that lost images is told that nothing is lost, and what to do."""
    advice = advise(make_batch(status))
    assert "othing is lost" in advice.if_nothing
    assert advice.steps


def test_failed_batch_needs_nothing_sent(make_batch: Callable[..., BatchOutcome]) -> None:
    """After an error of ours nobody is asked to send anything."""
    assert all(step.command is None for step in advise(make_batch("failed")).steps)


def test_held_batch_counts_what_waits(make_batch: Callable[..., BatchOutcome]) -> None:
    """A held batch tells how many sound images wait with it."""
    assert "17 sound images wait" in advise(make_batch("held")).if_nothing
    assert "1 sound image waits" in advise(make_batch("held", held=1)).if_nothing


def test_held_batch_can_be_released_by_the_command_shown(make_batch: Callable[..., BatchOutcome]) -> None:
    """The page of a held batch names the command that releases this very batch."""
    batch = make_batch("held")
    assert f"xray review release {batch.batch_id} --why REASON" in {step.command for step in advise(batch).steps}


@given(source=st.text(min_size=1, max_size=30), name=st.text(min_size=1, max_size=120))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_command_can_be_pasted(make_batch: Callable[..., BatchOutcome], source: str, name: str) -> None:
    """Whatever a batch is called, the command is one command, and the new name is one that the pipeline takes."""
    parts = shlex.split(push_command(make_batch(name=name, source=source)))
    assert parts[:4] == ["xray", "push", "PATH", "--source"]
    assert parts[4] == source
    assert parts[5] == "--batch"
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", parts[6])
