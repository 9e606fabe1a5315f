"""What Keras computes on, and how a training is spread over it."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import keras

if TYPE_CHECKING:
    import tensorflow as tf

_log = logging.getLogger(__name__)


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


def runs_on_tensorflow() -> bool:
    """Whether TensorFlow is what Keras computes with here."""
    return bool(keras.backend.backend() == "tensorflow")


@contextmanager
def spread_over(devices: Sequence[str]) -> Iterator[None]:
    """Networks that are built and trained within give each device its part of every batch.

    With fewer than two devices nothing changes.

    Args:
        devices: names as `find_devices` has them.
    """
    if len(devices) < 2:  # noqa: PLR2004
        yield
    elif runs_on_tensorflow():
        _log.info("each batch is divided among %s", ", ".join(devices))
        with _mirror(tuple(devices)).scope():
            yield
    else:
        _log.warning(
            "Keras runs on %s: of %d devices one is used; set KERAS_BACKEND to tensorflow to use all",
            keras.backend.backend(),
            len(devices),
        )
        yield


@cache
def _mirror(devices: tuple[str, ...]) -> "tf.distribute.Strategy":
    """One for a whole process: what two of them send between devices bears the same keys."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy([name.upper() for name in devices])


def count_replicas() -> int:
    """Among how many devices a batch is divided here."""
    if not runs_on_tensorflow():
        return 1
    import tensorflow as tf

    return int(tf.distribute.get_strategy().num_replicas_in_sync)
