"""Drawn X-rays to try a model on: sound ones of each finding, and some that no model should be trusted with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from xray_model.data.phantoms import CohortOptions, plan_cohort
from xray_model.data.phantoms.encoding import encode_jpeg
from xray_model.data.phantoms.projection import Array
from xray_model.errors import ObjectNotFound

_SIDE = 512
_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Phantom:
    """An X-ray that is drawn when it is asked for."""

    words: str
    """What it shows."""
    draw: Callable[[], Array]
    """Float32 [height, width], 0 to 1."""


@cache
def encode_phantom(name: str) -> bytes:
    """A JPEG of one of `PHANTOMS`, always the same.

    Raises:
        ObjectNotFound: there is none of this name.
    """
    if name not in PHANTOMS:
        raise ObjectNotFound("there is no such drawn X-ray")
    return encode_jpeg(PHANTOMS[name].draw(), _QUALITY)


def _draw(finding: str, seed: int, *, lateral: bool = False) -> Array:
    options = CohortOptions(
        patients=1,
        shares={finding: 1.0},
        seed=seed,
        portable_share=0.0,
        lateral_share=float(lateral),
        smallest_side=_SIDE,
        largest_side=_SIDE,
    )
    return plan_cohort(options)[0].draw()


def _draw_noise() -> Array:
    picture: Array = np.random.default_rng(7).random((_SIDE, _SIDE), dtype=np.float32)
    return picture


PHANTOMS: Mapping[str, Phantom] = {
    "normal": Phantom("Healthy", lambda: _draw("normal", 3)),
    "covid": Phantom("Covid: ground glass at the rims", lambda: _draw("covid", 5)),
    "pneumonia": Phantom("Pneumonia: one lobe is dense", lambda: _draw("pneumonia", 4)),
    "inverted": Phantom("Healthy, but inverted", lambda: 1.0 - _draw("normal", 3)),
    "lateral": Phantom("Healthy, from the side", lambda: _draw("normal", 6, lateral=True)),
    "noise": Phantom("No chest at all: noise", _draw_noise),
}
"""By name, as the page lists them."""
