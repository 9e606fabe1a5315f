"""One patient's body: the sizes that stay the same from one X-ray to the next."""

from dataclasses import dataclass

import numpy as np

from xray_model.data.phantoms.projection import ROWS, Array

CAGE = 14.2
"""Half-width (cm) of an adult's rib cage at its widest."""


@dataclass(frozen=True, slots=True)
class Body:
    """Sizes of one patient relative to an average adult (1.0), and offsets in centimetres."""

    sex: str
    age: float
    build: float
    """0 lean to 1 obese."""
    cage_width: float
    cage_depth: float
    lung_height: float
    apex: float
    """Roundness of the apices of the lungs: 2 pointed, 4 blunt."""
    heart: float
    rib_slope: float
    """Steepness of the ribs; flat in children."""
    rib_size: float
    bone: float
    """Mineral density."""
    scoliosis: float
    """Sideways bow of the spine (cm)."""
    domes: tuple[float, float]
    """Height of the right and the left half of the diaphragm (cm, positive is higher)."""
    shoulders: float
    """Height of the shoulders (cm, positive is lower)."""
    clavicle: float
    """Bow of the clavicles."""
    breast: float
    """Thickness of the breasts (cm), 0 for none."""
    aorta: float
    """Widening of the aortic arch (cm)."""
    markings: float
    """How prominent the vessels are."""
    seed: int
    """Of what grows at random and then stays: vessels, gas, scars."""


def draw_body(rng: np.random.Generator, sex: str, age: float) -> Body:
    """One body of this sex and age (years), drawn from the spread of a population."""
    child = float(np.clip((16.0 - age) / 14.0, 0.0, 1.0))
    old = float(np.clip((age - 45.0) / 40.0, 0.0, 1.0))
    build = float(np.clip(rng.beta(2.2, 3.2) * (1 - 0.5 * child), 0.02, 0.98))
    woman = sex == "F" and age >= 13
    return Body(
        sex=sex,
        age=age,
        build=build,
        cage_width=rng.normal(1.0 - 0.05 * woman + 0.03 * child, 0.06),
        cage_depth=rng.normal(1.0 + 0.08 * old + 0.10 * child + 0.10 * build, 0.06),
        lung_height=rng.normal(1.0 - 0.04 * woman - 0.13 * child, 0.08),
        apex=float(np.clip(rng.normal(2.9, 0.4), 2.0, 4.0)),
        heart=rng.normal(0.95 + 0.10 * old + 0.12 * child + 0.08 * build, 0.075),
        rib_slope=float(np.clip(rng.normal(1.0 - 0.55 * child, 0.16), 0.25, 1.5)),
        rib_size=rng.normal(1.0 - 0.08 * woman - 0.1 * child, 0.09),
        bone=rng.normal(1.0 - 0.25 * old - 0.2 * child, 0.1),
        scoliosis=rng.normal(0.0, 0.35 + 0.35 * old),
        domes=(rng.normal(0.0, 0.85), rng.normal(0.0, 0.85)),
        shoulders=rng.normal(0.0, 1.0),
        clavicle=rng.normal(1.0, 0.35),
        breast=float(rng.uniform(0.6, 2.4) + 1.6 * build) if woman else 0.0,
        aorta=float(np.clip(rng.normal(0.2 + 0.7 * old, 0.25), -0.2, 1.4)),
        markings=float(np.exp(rng.normal(0.0, 0.2))),
        seed=int(rng.integers(2**31)),
    )


def bow_of_spine(body: Body) -> Array:
    """X (cm) of the spine at the heights of `ROWS`."""
    bow = body.scoliosis * np.sin((ROWS - 2.0) / 6.5) * np.exp(-(((ROWS - 12) / 18) ** 2))
    return np.asarray(bow, dtype=np.float32)


def fullness_of_cage(body: Body) -> Array:
    """Roundness of the rib cage at the heights of `ROWS`: 0 at the apex of the lungs, 1 at its widest."""
    rest = np.clip(1.0 - (ROWS + 0.3) / (21.0 * body.lung_height), 0.0, 1.0)
    full = np.sqrt(np.clip(1.0 - rest**body.apex, 0.0, None)) * (ROWS > -0.3)
    return np.asarray(full, dtype=np.float32)


def borders_of_lung(body: Body) -> tuple[Array, Array]:
    """Distance (cm) of a lung's inner and outer border from the middle of the body, at the heights of `ROWS`."""
    full, half = fullness_of_cage(body), (CAGE * body.cage_width - 0.7) / 2.0
    centre = 6.0 + (half + 0.7 - 6.0) * full
    return (centre - half * full).astype(np.float32), (centre + half * full).astype(np.float32)
