"""Sessions: how long they last, and that nothing but their own id finds them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.console.access.people import People, Person
from apps.console.access.sessions import IDLE_SECONDS, LONGEST_SECONDS, Sessions
from apps.console.access.visitors import Role


class Clock:
    """A clock that stands still until it is told."""

    now = 1000.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now


@pytest.fixture
def people(tmp_path: Path) -> People:
    """One steward."""
    people = People(tmp_path / "console")
    people.add("Stella", Role.STEWARD)
    return people


@pytest.fixture
def clock() -> Clock:
    """The sessions' clock."""
    return Clock()


@pytest.fixture
def sessions(people: People, clock: Clock) -> Sessions:
    """No session yet."""
    return Sessions(people, clock)


def stella(people: People) -> Person:
    """The steward as she is now."""
    person = people.find("Stella")
    assert person
    return person


def test_it_ends_when_nobody_uses_it(people: People, sessions: Sessions, clock: Clock) -> None:
    """Each page that is asked for keeps a session, and an hour without one ends it."""
    one = sessions.begin(stella(people))
    for _ in range(3):
        clock.now += IDLE_SECONDS - 1
        assert sessions.find(one)
    clock.now += IDLE_SECONDS
    assert sessions.find(one) is None


def test_it_ends_after_a_working_day(people: People, sessions: Sessions, clock: Clock) -> None:
    """However much it is used, a session has its longest time."""
    one, begun = sessions.begin(stella(people)), clock.now
    while clock.now + 1800 < begun + LONGEST_SECONDS:
        clock.now += 1800
        assert sessions.find(one)
    clock.now += 1800
    assert sessions.find(one) is None


def test_it_ends_with_its_person(people: People, sessions: Sessions) -> None:
    """Who is removed is signed in no longer, also after they are added again with another role or token."""
    one = sessions.begin(stella(people))
    people.remove("Stella")
    assert sessions.find(one) is None
    for role in (Role.STEWARD, Role.VIEWER):
        people.add("Stella", role)
        two = sessions.begin(stella(people))
        people.remove("Stella")
        people.add("Stella", role)
        assert sessions.find(two) is None
        people.remove("Stella")


def test_it_is_ended_by_its_id(people: People, sessions: Sessions) -> None:
    """One session ends, and the person's other one stays; ending it twice is nothing."""
    one, two = sessions.begin(stella(people)), sessions.begin(stella(people))
    sessions.end(one)
    sessions.end(one)
    assert sessions.find(one) is None
    assert sessions.find(two)


def test_a_person_has_ten_at_most(people: People, sessions: Sessions) -> None:
    """The eleventh session ends the first."""
    ids = [sessions.begin(stella(people)) for _ in range(11)]
    assert [sessions.find(one) is not None for one in ids] == [False] + [True] * 10


def test_ids_and_secrets_differ_and_are_long(people: People, sessions: Sessions) -> None:
    """No two are alike, and each has 256 bits; the id itself is kept nowhere."""
    ids = [sessions.begin(stella(people)) for _ in range(10)]
    secrets = {session.csrf for one in ids if (session := sessions.find(one))}
    assert len(set(ids)) == len(secrets) == 10
    assert min(map(len, [*ids, *secrets])) >= 43
    assert not any(one in repr(vars(sessions)) for one in ids)


@given(st.text(max_size=80) | st.binary(max_size=64).map(lambda data: data.decode("latin-1")))
def test_no_other_id_finds_a_session(text: str) -> None:
    """Whatever a cookie says that is not the id itself, nobody is signed in by it."""
    sessions = Sessions(_One())
    one = sessions.begin(_One.person)
    assert sessions.find(text) is None
    assert sessions.find(one[:-1]) is None
    assert sessions.find(one)


def test_secrets_without_a_session_are_each_persons_own(people: People) -> None:
    """They stay the same while the console runs, differ between people, and between two runs."""
    first, second = Sessions(people), Sessions(people)
    assert first.csrf_without_session("a") == first.csrf_without_session("a")
    assert first.csrf_without_session("a") != first.csrf_without_session("b")
    assert first.csrf_without_session("a") != second.csrf_without_session("a")


class _One(People):
    person = Person(name="Stella", role=Role.STEWARD)

    def __init__(self) -> None:
        super().__init__(Path())

    def find(self, name: str) -> Person | None:
        return self.person if name == "Stella" else None
