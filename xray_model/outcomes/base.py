"""What all outcomes have in common, and a figure with its interval."""

from pydantic import BaseModel, ConfigDict


class Outcome(BaseModel):
    """Base of all outcomes: frozen, and refusing fields it does not know."""

    # A training that diverged has losses that are no numbers, and they must be read back from JSON.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Interval(Outcome):
    """A figure with its 95 % interval by bootstrap over patients."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"{format_fraction(self.value)} (95 % interval {format_fraction(self.low)} to {format_fraction(self.high)})"
        )


def format_fraction(value: float) -> str:
    """A figure between 0 and 1 with two digits, as it stands in every page and sentence: `.86`."""
    return f"{value:.2f}".removeprefix("0") if value < 1 else f"{value:.2f}"
