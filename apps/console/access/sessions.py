"""Who is signed in: sessions in memory, of which the browser alone holds the id."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from apps.console.access.people import People, Person

IDLE_SECONDS = 3600.0
LONGEST_SECONDS = 12 * 3600.0
_PER_PERSON = 10
_ID_BYTES = 32


@dataclass(slots=True)
class Session:
    """One person at one browser."""

    person: Person
    csrf: str
    begun: float
    seen: float


class Sessions:
    """All sessions of one console, gone when it stops; at most ten for a person, of which the oldest ends.

    For one thread, that of the server's event loop.
    """

    def __init__(self, people: People, clock: Callable[[], float] = time.time) -> None:
        self._people = people
        self._clock = clock
        self._sessions: dict[bytes, Session] = {}
        self._secret = secrets.token_bytes(_ID_BYTES)

    def begin(self, person: Person) -> str:
        """Begin a session, and give its id: always a new one, so that none that was planted is ever taken over."""
        now = self._clock()
        self._sessions = {key: one for key, one in self._sessions.items() if self._lives(one, now)}
        of_person = [key for key, one in self._sessions.items() if one.person == person]  # the oldest first
        for key in of_person[: max(0, len(of_person) - _PER_PERSON + 1)]:
            del self._sessions[key]
        session_id = secrets.token_urlsafe(_ID_BYTES)
        self._sessions[_key(session_id)] = Session(person, secrets.token_urlsafe(_ID_BYTES), now, now)
        return session_id

    def find(self, session_id: str) -> Session | None:
        """The session of this id, while it lasts: not idle or old, and its person as they were when it began."""
        key = _key(session_id)
        session = self._sessions.get(key)
        if session is None:
            return None
        now = self._clock()
        if not self._lives(session, now):
            del self._sessions[key]
            return None
        session.seen = now
        return session

    def end(self, session_id: str) -> None:
        """End a session, where there is one."""
        self._sessions.pop(_key(session_id), None)

    def csrf_without_session(self, name: str) -> str:
        """What the forms of somebody carry who did not sign in here: theirs alone, until the console stops."""
        return hmac.new(self._secret, name.encode(), "sha256").hexdigest()

    def _lives(self, session: Session, now: float) -> bool:
        return (
            now - session.seen < IDLE_SECONDS
            and now - session.begun < LONGEST_SECONDS
            and self._people.find(session.person.name) == session.person
        )


def _key(session_id: str) -> bytes:
    """What is kept of an id; a look-up by hash tells nobody by its time how near a guess came."""
    return hashlib.sha256(session_id.encode()).digest()
