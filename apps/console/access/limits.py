"""How often a sign-in may fail."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_network

from apps.console.access.settings import read_address

_FAILURES = 10
_REFILL_SECONDS = 30.0
"""An address may fail ten times at once, and then once in half a minute."""
_ALL_FAILURES = 100
_ALL_REFILL_SECONDS = 1.0
_MOST_ADDRESSES = 10_000


class Allowance:
    """Failures that each key may still make: a bucket of `most`, of which one comes back every `refill` seconds."""

    def __init__(self, most: int, refill: float, keys: int, clock: Callable[[], float]) -> None:
        self._most, self._refill, self._keys, self._clock = most, refill, keys, clock
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str) -> int:
        """Whole seconds until this key may fail again; 0 where it may now."""
        return math.ceil(max(0.0, self._spent_now(key) - self._most + 1) * self._refill)

    def spend(self, key: str) -> None:
        """Count a failure; beyond `keys` the one that failed longest ago is forgotten."""
        self._spent[key] = (self._spent_now(key) + 1, self._clock())
        self._spent.move_to_end(key)
        if len(self._spent) > self._keys:
            self._spent.popitem(last=False)

    def _spent_now(self, key: str) -> float:
        spent, since = self._spent.get(key, (0.0, 0.0))
        return max(0.0, spent - (self._clock() - since) / self._refill)


class SignInLimit:
    """Holds guessing up by address, and for all addresses together.

    A stranger cannot shut a person out: names are not counted, and an address from which somebody has signed in is
    not held up by what the others do.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._addresses = Allowance(_FAILURES, _REFILL_SECONDS, _MOST_ADDRESSES, clock)
        self._all = Allowance(_ALL_FAILURES, _ALL_REFILL_SECONDS, 1, clock)
        self._known: OrderedDict[str, None] = OrderedDict()

    def wait(self, address: str) -> int:
        """Whole seconds until a sign-in from here is looked at; 0 where it is now."""
        key = _network(address)
        own = self._addresses.wait(key)
        return own if key in self._known else max(own, self._all.wait(""))

    def failed(self, address: str) -> None:
        """Count a failed sign-in."""
        key = _network(address)
        self._addresses.spend(key)
        if key not in self._known:
            self._all.spend("")

    def succeeded(self, address: str) -> None:
        """Remember an address from which somebody signed in."""
        key = _network(address)
        self._known[key] = None
        self._known.move_to_end(key)
        if len(self._known) > _MOST_ADDRESSES:
            self._known.popitem(last=False)


def _network(address: str) -> str:
    """What one subscriber has: an address of IPv4, or the /64 around one of IPv6."""
    found = read_address(address)
    return str(ip_network((found, 64), strict=False) if isinstance(found, IPv6Address) else found or address)
