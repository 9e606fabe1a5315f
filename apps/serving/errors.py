"""Why the service does not answer now: whoever asks again later may be answered."""

from xray_model.errors import XrayError


class NotReady(XrayError):
    """No model answers: none was promoted yet, the first one is still loading, or the service is closing."""


class Overloaded(XrayError):
    """More images wait than the service takes on, or an answer took longer than it may."""


class QueueFull(Overloaded):
    """As many items wait for a batch as may."""
