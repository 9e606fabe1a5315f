"""Who may use the console: named people, each with a role and the hash of a token, in one file.

A token is 256 random bits, so its SHA-256 cannot be turned back or guessed. A slow hash is for passwords that people
choose; here it would only let strangers at the sign-in page keep the machine busy.
"""

import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from apps.console.access.visitors import Role
from xray_model.data.decisions import one_line
from xray_model.errors import ConfigurationError, InvalidInput

_TOKEN_BYTES = 32
_NOBODY = hashlib.sha256(b"no token has this hash, for it is none").hexdigest()


class Person(BaseModel):
    """Somebody who may use the console."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    role: Role
    token_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """None where a proxy says who asks."""

    @field_validator("name")
    @classmethod
    def _one_line(cls, name: str) -> str:
        return one_line(name)


class _Listed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    people: tuple[Person, ...] = ()


class People:
    """The people of one console; the file is read again whenever it has changed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "people.json"
        self._read: tuple[tuple[int, ...], dict[str, Person]] = ((), {})

    def all(self) -> dict[str, Person]:
        """Everybody by name.

        Raises:
            ConfigurationError: the file is damaged, or others than its owner may write it.
        """
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return {}
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp != self._read[0]:
            if status.st_mode & 0o022:
                raise ConfigurationError(f"{self.path} can be written by others: `chmod 600` it and look who is in it")
            self._read = (stamp, _parse(self.path))
        return self._read[1]

    def find(self, name: str) -> Person | None:
        """The person of exactly this name."""
        return self.all().get(name)

    def check(self, name: str, token: str) -> Person | None:
        """The person of this name whose token this is; it takes as long to find out that there is none."""
        person = self.find(name)
        known = person.token_sha256 if person and person.token_sha256 else _NOBODY
        right = hmac.compare_digest(_digest(token), known)
        return person if right else None

    def find_by_token(self, token: str) -> Person | None:
        """The person whose token this is; everybody's is compared, so that time tells nothing of who it is."""
        digest = _digest(token)
        found = [one for one in self.all().values() if hmac.compare_digest(digest, one.token_sha256 or _NOBODY)]
        return found[0] if found else None

    def add(self, name: str, role: Role, *, with_token: bool = True) -> str | None:
        """Add somebody, and give their token, which is kept nowhere; None without one.

        Raises:
            InvalidInput: the name is none, or somebody has it.
        """
        token = f"xray_{secrets.token_urlsafe(_TOKEN_BYTES)}" if with_token else None
        try:
            person = Person(name=name, role=role, token_sha256=_digest(token) if token else None)
        except ValidationError as error:
            raise InvalidInput(f"{name!r} is no name of a person: {error.errors()[0]['msg']}") from error
        with self._changing() as people:
            if person.name in people:
                raise InvalidInput(f"{person.name} is there already: `xray console remove` first, then add again")
            people[person.name] = person
        return token

    def remove(self, name: str) -> None:
        """Remove somebody; whoever is signed in under the name is so no longer.

        Raises:
            InvalidInput: nobody has the name.
        """
        with self._changing() as people:
            if people.pop(name, None) is None:
                raise InvalidInput(f"there is nobody called {name!r}: `xray console people` lists everybody")

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Person]]:
        """Everybody, to be changed by one process at a time, and then written whole or not at all."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.path.with_name("people.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            people = dict(self.all())
            yield people
            listed = _Listed(people=tuple(people[name] for name in sorted(people)))
            draft = self.path.with_name(f"people.{secrets.token_hex(4)}.json")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(listed.model_dump_json(indent=2))
                file.flush()
                os.fsync(descriptor)
            draft.replace(self.path)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _parse(path: Path) -> dict[str, Person]:
    try:
        people = _Listed.model_validate_json(path.read_bytes()).people
    except ValidationError as error:
        raise ConfigurationError(f"{path} is damaged: mend it, or remove it and add everybody again") from error
    by_name = {person.name: person for person in people}
    if len(by_name) < len(people):
        raise ConfigurationError(f"{path} names somebody twice: nobody can say which role counts")
    return by_name
