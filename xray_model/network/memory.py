"""A device that cannot hold a batch is given a smaller one."""

import logging
from collections.abc import Callable

_log = logging.getLogger(__name__)

_WORDS = ("RESOURCE_EXHAUSTED", "out of memory", "OOM when allocating")
"""What TensorFlow, JAX and the cards' own libraries say; Keras has no exception of its own for it."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device had no room left."""
    said = f"{type(error).__name__}: {error}"
    return isinstance(error, MemoryError) or any(word in said for word in (*_WORDS, "ResourceExhausted"))


def fit_in_memory(
    attempt: Callable[[int, int], None], batch_size: int, accumulation: int, *, accumulates: bool = True
) -> tuple[int, int]:
    """Call `attempt(batch_size, accumulation)` with ever smaller batches until one fits.

    As the batch is halved, twice as many make one step, so that a step learns from as many images as before; unless
    gradients cannot be added up over batches here (`accumulates`).

    Returns:
        The batch size and the number of batches in a step that fitted.

    Raises:
        Exception: what `attempt` raised that is no lack of memory, or that with a single image.
    """
    while True:
        try:
            attempt(batch_size, accumulation)
        except Exception as error:
            if batch_size == 1 or not is_out_of_memory(error):
                raise
            smaller, to_a_step = (batch_size + 1) // 2, 2 * accumulation if accumulates else accumulation
            _log.warning(
                "the device has no room for batches of %d images: going on with batches of %d, %d to a step",
                batch_size,
                smaller,
                to_a_step,
            )
            batch_size, accumulation = smaller, to_a_step
        else:
            return batch_size, accumulation
