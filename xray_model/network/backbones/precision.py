"""In which numbers a pretrained part is computed."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import keras
import numpy as np

from xray_model.config import Precision
from xray_model.errors import ConfigurationError
from xray_model.network.backbones.registry import Backbone

_POLICIES: dict[Precision, str] = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
_INSTRUCTIONS = frozenset({"amx_bf16", "avx512_bf16"})
_PROCESSORS = Path("/proc/cpuinfo")
_WORTH = 1.2
"""Times the speed of float32 from which another precision is taken: less could be another one the next night."""
_BATCH, _REPEATS = 32, 5
_log = logging.getLogger(__name__)

Measure = Callable[[Backbone, Precision], float]


def measure_speed(backbone: Backbone, precision: Precision) -> float:
    """Images a second through a backbone of random weights, at its default side on what Keras computes on."""
    if backbone.build is None:
        raise ConfigurationError(f"{backbone.name} has no pretrained part to measure")
    with computing_in(precision):
        network = backbone.build(backbone.default_side, backbone.width, None)
    images = np.zeros((_BATCH, *network.input_shape[1:]), np.float32)
    network.predict_on_batch(images)
    started = time.perf_counter()
    for _ in range(_REPEATS):
        network.predict_on_batch(images)
    return _BATCH * _REPEATS / (time.perf_counter() - started)


def choose_precision(
    backbone: Backbone,
    asked: Precision | None,
    accelerators: Sequence[str] = (),
    processors: Path = _PROCESSORS,
    measure: Measure = measure_speed,
) -> Precision:
    """The precision asked for; else the fastest as measured on a GPU, or a backbone's own on a processor that has it.

    On a GPU bfloat16 goes before float16, which needs its loss scaled and has a smaller range.

    Args:
        backbone: an entry of the registry.
        asked: what the options say.
        accelerators: names of the GPUs; none where the processor computes.
        processors: where Linux tells what the processors can do; float32 where there is no such file.
        measure: images a second of a backbone in a precision.

    Raises:
        ConfigurationError: half precision for a backbone that is trained whole, in float32.
    """
    if asked not in {None, "float32"} and not backbone.pretrained:
        raise ConfigurationError(f"{backbone.name} is trained whole, in float32: leave the precision {asked} out")
    if asked is not None:
        return asked
    if not backbone.pretrained:
        return "float32"
    if accelerators:
        return _measure_once(backbone, tuple(accelerators), measure)
    words = set(processors.read_text().split()) if processors.is_file() else set()
    return backbone.precision if words & _INSTRUCTIONS else "float32"


def computes_in_float16(layer: keras.layers.Layer) -> bool:
    """Whether any layer in a model, or in models inside it, computes in float16: its loss must then be scaled."""
    inside = getattr(layer, "layers", ())
    return layer.compute_dtype == "float16" or any(computes_in_float16(part) for part in inside)


@contextmanager
def computing_in(precision: Precision) -> Iterator[None]:
    """Layers built within compute in this precision, on weights of float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(_POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@cache
def _measure_once(backbone: Backbone, accelerators: tuple[str, ...], measure: Measure) -> Precision:
    least = _WORTH * measure(backbone, "float32")
    halves: tuple[Precision, ...] = ("bfloat16", "float16")
    chosen: Precision = next((half for half in halves if measure(backbone, half) >= least), "float32")
    _log.info("%s is computed in %s, by its speed on %s", backbone.name, chosen, ", ".join(accelerators))
    return chosen
