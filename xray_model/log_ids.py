"""What a log line is about beside its run: the night, batch or snapshot that is worked on here and now."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_IDS: ContextVar[Mapping[str, str]] = ContextVar("xray_log_ids")


def current_ids() -> Mapping[str, str]:
    """The ids that hold here, such as `night`, `batch` and `snapshot`."""
    return _IDS.get({})


def set_ids(**ids: str | None) -> None:
    """Let ids hold from here on, beside those that do already; None ends one."""
    merged = {**current_ids(), **ids}
    _IDS.set({name: value for name, value in merged.items() if value is not None})


@contextmanager
def bind_ids(**ids: str) -> Iterator[None]:
    """Let ids hold within the context, beside those that do already."""
    token = _IDS.set({**current_ids(), **ids})
    try:
        yield
    finally:
        _IDS.reset(token)
