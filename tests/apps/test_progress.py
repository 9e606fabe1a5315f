"""Progress for a person: how far it is, and about how long it will take."""

import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from apps.progress import say_left, show_progress
from xray_model.progress import advance, silent


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the plain lines go by; the test moves them."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("seconds", "done", "left", "words"),
    [
        (10, 1, 4, ", about 40 s left"),
        (10, 4, 1, ", about 2 s left"),
        (60, 1, 9, ", about 9 min left"),
        (10, 0, 4, ""),
        (10, 4, 0, ""),
    ],
)
def test_estimate(seconds: float, done: int, left: int, words: str) -> None:
    """What is left takes as long by the piece as what is done; nothing is said before the first piece or at the end."""
    assert say_left(seconds, done, left) == words


@given(seconds=st.floats(0, 1e6), done=st.integers(-5, 1000), left=st.integers(-5, 1000))
def test_estimate_never_fails(seconds: float, done: int, left: int) -> None:
    """Whatever a stage says of itself, the estimate is empty or ends a sentence."""
    assert say_left(seconds, done, left) == "" or say_left(seconds, done, left).endswith(" left")


def test_plain_lines_say_what_is_left(clock: list[float]) -> None:
    """Outside a terminal a running stage's line has an estimate, from its own pace and not from an earlier try's."""
    printed = io.StringIO()
    with show_progress(Console(file=printed, force_terminal=False, width=80)):
        for stage, begins in (("train", 0.0), ("train", 1000.0), ("see", 2000.0)):
            for done in (1, 2, 3):
                clock[0] = begins + 10 * done
                advance(stage, done, 10)
        clock[0] += 10
        advance("see", 10, 10)
    assert printed.getvalue().splitlines() == [
        "  train: 1 of 10",
        "  train: 2 of 10, about 1 min left",
        "  train: 3 of 10, about 1 min left",
        "  train: 1 of 10",
        "  train: 2 of 10, about 1 min left",
        "  train: 3 of 10, about 1 min left",
        "  see: 1 of 10",
        "  see: 2 of 10, about 1 min left",
        "  see: 3 of 10, about 1 min left",
        "  see: 10 of 10",
    ]


def test_bar_says_what_is_left() -> None:
    """In a terminal each bar ends with the time that is left."""
    printed = io.StringIO()
    with show_progress(Console(file=printed, force_terminal=True, color_system=None, width=120)):
        advance("train", 1, 10)
        advance("train", 10, 10)
    assert "0:00:00 left" in printed.getvalue()


def test_a_step_of_something_longer_says_nothing_of_itself() -> None:
    """What is done within `silent` draws no line; what follows does."""
    printed = io.StringIO()
    with show_progress(Console(file=printed, force_terminal=False, width=80)):
        with silent():
            advance("see", 1, 1)
        advance("train", 1, 1)
    assert printed.getvalue().splitlines() == ["  train: 1 of 1"]
