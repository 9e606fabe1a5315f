"""In which numbers a pretrained part is computed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras

from xray_model.config import Precision
from xray_model.errors import ConfigurationError
from xray_model.network.backbones.registry import Backbone

_POLICIES: dict[Precision, str] = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
_INSTRUCTIONS = frozenset({"amx_bf16", "avx512_bf16"})
_PROCESSORS = Path("/proc/cpuinfo")


def choose_precision(backbone: Backbone, asked: Precision | None, processors: Path = _PROCESSORS) -> Precision:
    """The precision asked for, else a backbone's own; float32 where the processor would have to imitate that.

    Args:
        backbone: an entry of the registry.
        asked: what the options say.
        processors: where Linux tells what the processors can do; float32 where there is no such file.

    Raises:
        ConfigurationError: bfloat16 for a backbone that is trained whole, in float32.
    """
    if asked == "bfloat16" and not backbone.pretrained:
        raise ConfigurationError(f"{backbone.name} is trained whole, in float32: leave the precision {asked} out")
    if asked is not None:
        return asked
    words = set(processors.read_text().split()) if processors.is_file() else set()
    return backbone.precision if words & _INSTRUCTIONS else "float32"


@contextmanager
def computing_in(precision: Precision) -> Iterator[None]:
    """Layers built within compute in this precision, on weights of float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(_POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
