"""What Keras computes on."""

from dataclasses import dataclass

import keras


@dataclass(frozen=True, slots=True)
class Devices:
    """The library Keras runs on, and what that found."""

    backend: str
    version: str
    """Of Keras."""
    accelerators: tuple[str, ...]
    """`gpu:0` and so on; none where everything is computed by the processor."""


def find_devices() -> Devices:
    """The devices of this machine, as Keras sees them."""
    found = tuple(name for name in keras.distribution.list_devices() if not name.startswith("cpu"))
    return Devices(keras.backend.backend(), keras.version(), found)
