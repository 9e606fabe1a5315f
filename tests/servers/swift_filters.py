"""Paste filters for a Swift with one proxy process: a cache in place of memcached, and race-free create-only puts."""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from eventlet.semaphore import Semaphore  # type: ignore[import-untyped]

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
Filter = Callable[[Application], Application]


class LocalCache:
    """What Swift asks of memcached, kept in the proxy's own memory."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[float, str]] = {}

    def set(self, key: str, value: object, time: float = 0, **_: object) -> None:
        """Keep `value` for `time` seconds, an hour when it is 0."""
        self._entries[key] = (_now() + (time or 3600), json.dumps(value))

    def get(self, key: str, **_: object) -> Any:
        """The value, or None when there is none or its time is over."""
        expires, value = self._entries.get(key, (0.0, "null"))
        return json.loads(value) if expires > _now() else None

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Add to a count that never falls below 0."""
        value = max(0, int(self.get(key) or 0) + int(delta))
        self.set(key, value, time=time)
        return value

    def decr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Subtract from a count that never falls below 0."""
        return self.incr(key, -int(delta), time)

    def delete(self, key: str, **_: object) -> None:
        """Forget a value."""
        self._entries.pop(key, None)

    def set_multi(self, mapping: dict[str, object], _server: str, time: float = 0, **_: object) -> None:
        """Keep many values."""
        for key, value in mapping.items():
            self.set(key, value, time=time)

    def get_multi(self, keys: Iterable[str], _server: str) -> list[Any]:
        """Many values, None for each that is missing."""
        return [self.get(key) for key in keys]


_now = time.monotonic
_cache = LocalCache()
_locks: dict[str, tuple[Semaphore, list[None]]] = {}


def cache(_global: dict[str, str], **_: str) -> Filter:
    """Give every request the process's cache."""

    def make(application: Application) -> Application:
        def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            environ["swift.cache"] = _cache
            return application(environ, start_response)

        return call

    return make


def lock_keys(_global: dict[str, str], **_: str) -> Filter:
    """Before s3api: one write at a time for each object, so that `If-None-Match: *` has one winner, as on AWS."""

    def make(application: Application) -> Application:
        def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            if environ["REQUEST_METHOD"] not in {"PUT", "DELETE"} or "partNumber=" in environ.get("QUERY_STRING", ""):
                return application(environ, start_response)
            path = environ["PATH_INFO"]
            lock, users = _locks.setdefault(path, (Semaphore(1), []))
            users.append(None)
            try:
                with lock:
                    return [b"".join(application(environ, start_response))]
            finally:
                users.pop()
                if not users:
                    _locks.pop(path, None)

        return call

    return make
