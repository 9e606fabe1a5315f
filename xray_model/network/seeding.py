"""Weights and dropout that follow from one seed, whatever else draws random numbers in the process meanwhile.

`keras.utils.set_random_seed` seeds Python's own generator, which every layer then takes a number from; so does any
thread beside it, such as a Prefect run's, and the layers after it are others than in a quiet process.
"""

import random
from typing import Any

from keras import layers

_LARGEST = 2**31


class Seeds:
    """A row of seeds of its own."""

    def __init__(self, seed: int, part: str) -> None:
        """Begin the row of one part of a network."""
        self._random = random.Random(f"{seed} {part}")  # noqa: S311  repeatable, not secret

    def fill(self, config: Any) -> Any:
        """A layer's configuration in which everything random that had no seed has one of its own."""
        if isinstance(config, list):
            return [self.fill(item) for item in config]
        if isinstance(config, dict):
            return {
                key: self._draw() if key == "seed" and value is None else self.fill(value)
                for key, value in config.items()
            }
        return config

    def copy(self, layer: layers.Layer) -> layers.Layer:
        """A layer like this one, not built yet, whose weights and dropout follow from the seeds."""
        return type(layer).from_config(self.fill(layer.get_config()))

    def _draw(self) -> int:
        return self._random.randrange(_LARGEST)


def redraw(layer: layers.Layer, seed: int) -> None:
    """Draw the kernel of a layer anew that was built inside another, where no configuration can name a seed."""
    initializer = layer.kernel_initializer
    seeded = type(initializer).from_config({**initializer.get_config(), "seed": seed})
    layer.kernel.assign(seeded(layer.kernel.shape, layer.kernel.dtype))
