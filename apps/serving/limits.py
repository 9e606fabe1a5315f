"""What the service takes on at most."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """Bounds of everything that could grow."""

    batch: int = 16
    """Images that the model answers at a time."""
    waiting: int = 256
    """Images of all requests under way; no single request may bring more."""
    explanations: int = 8
    """Images of all requests under way that get a heat map, one after the other; VGG19 takes seconds for one."""
    decoders: int = 2
    """Threads that decode and judge images."""
    answer_seconds: float = 30.0
    """Longest that a request waits for its answer."""
    poll_seconds: float = 5.0
    """Between two looks at which model is in service."""
    patience_seconds: float = 4.0
    """That store and registry have to say which model is in service, before the copy of this machine answers."""
    log_rows: int = 20_000
    """Rows of the log of predictions that wait for the store; what comes on top is lost, counted and told of."""
    log_seconds: float = 30.0
    """Longest that a row waits where the store answers."""
    log_flush: int = 1_000
    """Rows that are written without waiting so long."""
