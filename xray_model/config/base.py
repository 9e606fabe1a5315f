"""What all option models are."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

FindingName = Literal["covid", "pneumonia", "normal"]


class Options(BaseModel):
    """Base of all options: frozen, refusing unknown fields, every field with its help text."""

    model_config = ConfigDict(frozen=True, extra="forbid")
