"""How often a sign-in may fail."""

from hypothesis import given
from hypothesis import strategies as st

from apps.console.access.limits import Allowance, SignInLimit


class Clock:
    """A clock that stands still until it is told."""

    now = 50.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now


@given(st.lists(st.floats(0, 100), max_size=60))
def test_no_more_fail_than_are_allowed(pauses: list[float]) -> None:
    """However the tries are spread, at most `most` plus one for each `refill` seconds are looked at."""
    clock = Clock()
    allowance, looked_at = Allowance(5, 20.0, 10, clock), 0
    for pause in pauses:
        clock.now += pause
        if not allowance.wait("a"):
            allowance.spend("a")
            looked_at += 1
    assert looked_at <= 5 + sum(pauses) / 20 + 1e-6


@given(st.integers(0, 30), st.floats(0, 500))
def test_who_waits_as_told_may_try_again(failures: int, later: float) -> None:
    """The seconds that are told are enough, and never more than one refill."""
    clock = Clock()
    allowance = Allowance(5, 20.0, 10, clock)
    for _ in range(failures):
        if not allowance.wait("a"):
            allowance.spend("a")
    clock.now += later
    told = allowance.wait("a")
    assert told <= 20
    clock.now += told
    assert allowance.wait("a") == 0


def test_no_key_holds_another_up_and_few_are_kept() -> None:
    """Keys are counted apart, and beyond the most the oldest is forgotten."""
    allowance = Allowance(1, 20.0, 3, Clock())
    for key in "abcd":
        assert allowance.wait(key) == 0
        allowance.spend(key)
    assert [allowance.wait(key) for key in "abcd"] == [0, 20, 20, 20]


def test_a_network_of_ipv6_is_one_address() -> None:
    """Who has a /64 has not so many tries; the next one has its own, and so has each address of IPv4."""
    limit = SignInLimit(Clock())
    for number in range(10):
        limit.failed(f"2001:db8::{number:x}")
    assert limit.wait("2001:db8::ffff") > 0
    assert limit.wait("2001:db8:0:1::1") == 0
    for _ in range(10):
        limit.failed("::ffff:10.0.0.1")
    assert limit.wait("10.0.0.1") > 0
    assert limit.wait("10.0.0.2") == 0


def test_strangers_hold_up_strangers_alone() -> None:
    """Once a hundred addresses have failed the next unknown one waits, and an address that is known does not."""
    clock = Clock()
    limit = SignInLimit(clock)
    limit.succeeded("192.0.2.1")
    for number in range(100):
        limit.failed(f"10.0.{number}.1")
    assert limit.wait("10.1.0.1") == 1
    assert limit.wait("192.0.2.1") == 0
    clock.now += 1
    assert limit.wait("10.1.0.1") == 0


def test_a_known_address_that_fails_waits_by_itself() -> None:
    """Having signed in is no licence to guess, and takes nothing from others."""
    limit = SignInLimit(Clock())
    limit.succeeded("192.0.2.1")
    for _ in range(10):
        limit.failed("192.0.2.1")
    assert limit.wait("192.0.2.1") > 0
    for number in range(99):
        limit.failed(f"10.0.{number}.1")
    assert limit.wait("10.1.0.1") == 0
