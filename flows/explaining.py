"""What a flow says of something that failed, where it goes on all the same."""

from xray_model.errors import XrayError


def explain(error: Exception) -> str:
    """The message of a foreseen error; of an unforeseen one its kind alone, for its message may hold anything."""
    if isinstance(error, XrayError):
        return f": {error}"
    return f" with an unforeseen {type(error).__name__}; the log has the details."
