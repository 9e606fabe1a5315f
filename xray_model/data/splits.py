"""Which side of the split a patient is on: decided by a hash of the patient alone, for ever."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from xray_model.errors import ConfigurationError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class SplitShares:
    """Shares of the patients; the rest trains. Changing them moves patients, so it is a setting of the store."""

    validation: float = 0.15
    test: float = 0.25

    def __post_init__(self) -> None:
        if not (self.validation > 0 and self.test > 0 and self.validation + self.test < 1):
            raise ConfigurationError(
                f"the split shares are validation={self.validation} and test={self.test}: "
                "both must be above 0 and leave something to train on"
            )


def assign_split(patient_id: str, shares: SplitShares) -> Split:
    """The split of a patient: neither other patients, nor the order of arrival, nor time has a say."""
    digest = hashlib.sha256(b"split:" + patient_id.encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < shares.test:
        return "test"
    if position < shares.test + shares.validation:
        return "validation"
    return "train"
