"""Who asks for a page."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do: a viewer looks, a steward decides as well."""

    VIEWER = "viewer"
    STEWARD = "steward"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is signed in."""

    name: str
    role: Role
    csrf: str
    """Secret of the session that every form of its pages carries."""
    signed_in: bool = True
    """False where nobody signs in here: on a machine of one's own, or behind a proxy that did it."""

    @property
    def decides(self) -> bool:
        """Whether this person may decide."""
        return self.role is Role.STEWARD
