"""What a night does about a training elsewhere: a table of what it finds, and of what follows."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.attempts import MOST_CRASHES, Attempt, Begin, Bury, Collect, Fate, Follow, GiveUp, Patience, Step, next_step

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
BEGAN = NOW - timedelta(hours=1)
"""The night."""
PATIENCE = Patience(for_worker=timedelta(minutes=30), for_life=timedelta(minutes=2))
BEFORE, TONIGHT = BEGAN - timedelta(minutes=1), BEGAN + timedelta(minutes=1)


def minutes_ago(minutes: float) -> datetime:
    """A moment in this night, or before."""
    return NOW - timedelta(minutes=minutes)


def attempt(fate: Fate, since: datetime, number: int = 1, heard: datetime | None = None) -> Attempt:
    """One attempt."""
    return Attempt(number, f"run{number}", fate, since, heard)


def decide(*attempts: Attempt, answered: datetime = BEGAN) -> Step:
    """The step after these attempts."""
    return next_step(attempts, BEGAN, NOW, answered, PATIENCE)


@pytest.mark.parametrize(
    ("fate", "since", "kind"),
    [
        (Fate.WAITING, minutes_ago(29), Follow),
        (Fate.WAITING, minutes_ago(31), GiveUp),
        (Fate.WAITING, NOW + timedelta(seconds=30), Follow),
        (Fate.RUNNING, minutes_ago(1), Follow),
        (Fate.RUNNING, minutes_ago(3), Bury),
        (Fate.COMPLETED, TONIGHT, Collect),
        (Fate.COMPLETED, BEFORE, Begin),
        (Fate.FAILED, TONIGHT, Collect),
        (Fate.FAILED, BEFORE, Begin),
        (Fate.CRASHED, TONIGHT, Begin),
        (Fate.CRASHED, BEFORE, Begin),
        (Fate.CANCELLED, TONIGHT, GiveUp),
        (Fate.CANCELLED, BEFORE, Begin),
    ],
)
def test_each_fate_has_its_step(fate: Fate, since: datetime, kind: type[Step]) -> None:
    """What ended before the night is followed by the next attempt; what ended in it is its outcome, or its failure."""
    step = decide(attempt(fate, since))
    assert type(step) is kind
    assert not isinstance(step, Begin) or step.number == 2


def test_the_first_attempt_is_begun_where_there_is_none() -> None:
    """It has the number 1."""
    assert decide() == Begin(1)


def test_a_night_that_is_started_again_follows_what_is_under_way() -> None:
    """A training of two hours, which another night began, goes on."""
    running = attempt(Fate.RUNNING, minutes_ago(120), number=2, heard=minutes_ago(0.5))
    assert decide(attempt(Fate.CRASHED, minutes_ago(130)), running) == Follow(running)


def test_what_waited_before_the_night_gets_the_night_s_own_patience() -> None:
    """What a night of last week left behind is not given up at first sight."""
    old = attempt(Fate.WAITING, BEGAN - timedelta(days=7))
    soon = BEGAN + timedelta(minutes=1)
    assert next_step([old], BEGAN, soon, BEGAN, PATIENCE) == Follow(old)
    assert isinstance(decide(old), GiveUp)


@pytest.mark.parametrize(("answered", "kind"), [(BEGAN, Bury), (minutes_ago(1), Follow)])
def test_silence_does_not_count_while_the_server_was_away(answered: datetime, kind: type[Step]) -> None:
    """Who was not heard because nobody listened is given the time anew."""
    running = attempt(Fate.RUNNING, minutes_ago(30), heard=minutes_ago(5))
    assert type(decide(running, answered=answered)) is kind


def test_machines_that_die_again_and_again_end_the_night_s_patience() -> None:
    """Crashes of earlier nights do not count; after some of this one the training fails, with words."""
    earlier = [attempt(Fate.CRASHED, BEFORE, number) for number in (1, 2)]
    tonight = [attempt(Fate.CRASHED, TONIGHT, number) for number in range(3, 3 + MOST_CRASHES)]
    assert decide(*earlier, *tonight[:-1]) == Begin(2 + MOST_CRASHES)
    step = decide(*earlier, *tonight)
    assert isinstance(step, GiveUp)
    assert f"each of {MOST_CRASHES} attempts" in step.reason
