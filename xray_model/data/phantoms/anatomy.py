"""One chest X-ray, drawn: a body in a pose, with a finding, through a scanner."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from xray_model.data.phantoms import findings, organs, scanner
from xray_model.data.phantoms.body import Body
from xray_model.data.phantoms.grains import join, scatter
from xray_model.data.phantoms.lungs import cut_texture, grow_vessels
from xray_model.data.phantoms.projection import Array, Pose, Slices, cast
from xray_model.data.phantoms.skeleton import shade_bones

LUNG = 0.26
"""Density of aerated lung (g/cm3)."""
SATURATION = np.float32(4.0)
"""Thickness of water (cm) that ground glass adds at most."""
GRID = 288
"""Cells of the drawing grid along the mean of its two sides."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is to be drawn of a body: the view, the finding and how marked it is, and how far the scanner drifted."""

    view: str
    """`PA`, `AP` or `L`."""
    finding: str = "normal"
    """`normal`, `covid` or `pneumonia`."""
    severity: float = 0.5
    """0 hardly to be seen, 1 severe; without meaning for `normal`."""
    drift: float = 0.0


def draw_chest(body: Body, exposure: Exposure, rng: np.random.Generator, side: int = 560) -> Array:
    """Draw one chest X-ray.

    Args:
        body: the patient.
        exposure: view, finding and scanner.
        rng: everything that differs from one exposure to the next: stance, breath, place of the finding, noise.
        side: mean of the picture's two sides (pixels), at most 900.

    Returns:
        float32 [height, width] in 0 to 1, bone white, the patient's right on the left.
    """
    pose = _draw_pose(rng, body, exposure.view)
    portable = exposure.view == "AP"
    stiff = exposure.severity if exposure.finding == "covid" else 0.0
    breath = rng.normal(-1.0 if portable else 0.0, 0.7) - 1.3 * stiff
    density, air = _attenuate(body, pose, exposure, breath, rng)
    style = scanner.draw_scanner(rng, exposure.drift, portable=portable)
    picture = scanner.develop(density, air, style, rng, side / GRID)
    if portable and rng.random() < 0.45:
        scanner.add_leads(picture, rng)
    if rng.random() < style.border:
        scanner.add_border(picture, rng)
    if rng.random() < 0.8:
        scanner.add_marker(picture, rng, portable=portable)
    return picture


def _draw_pose(rng: np.random.Generator, body: Body, view: str) -> Pose:
    """How the patient stands: a field that holds the lungs, with the freedom a radiographer has."""
    lateral, portable = view == "L", view == "AP"
    field = (
        rng.normal(38.0 if lateral else 35.0, 2.5) * (0.5 + 0.5 * body.cage_width) * (0.92 + 0.08 * body.lung_height)
    )
    aspect = float(np.clip(rng.normal(0.88 if lateral else 1.0, 0.09), 0.78, 1.22))
    pixel = field / GRID
    width, height = round(GRID * aspect**0.5), round(GRID / aspect**0.5)
    # No radiographer misses by more than twice the usual.
    across, down = np.clip(rng.normal(0.0, 1.0, 2), -2.0, 2.0)
    middle = float(across) * (1.0 + 0.5 * portable) + 0.5 * lateral
    lowest = 12.2 * body.lung_height + float(down) * (1.1 + 0.4 * portable)
    return Pose(
        turn=np.pi / 2 + rng.normal(0, 0.04) if lateral else rng.normal(0, 0.035 + 0.03 * portable),
        tilt=rng.normal(0.06 if portable else 0.0, 0.05 + 0.04 * portable),
        source=rng.uniform(-110, -90) if portable else 170.0,
        left=middle - width * pixel / 2,
        top=lowest - height * pixel / 2,
        pixel=pixel,
        height=height,
        width=width,
    )


def _attenuate(
    body: Body, pose: Pose, exposure: Exposure, breath: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Attenuation (cm of water) and length in aerated lung (cm) of every ray."""
    density = _shade_outline(body, pose, exposure.view)
    inside = density > 0
    lungs = {side: organs.build_lung(body, side) for side in organs.SIDES}
    air = _measure_air(body, lungs, pose, breath)
    aerated = np.minimum(air * np.float32(1 / 7.0), np.float32(1.0))
    vessels = scatter(join([grow_vessels(body, lung, side) for side, lung in lungs.items()]), pose) * aerated
    for gas in (*organs.build_airway(body), *organs.build_gas(body, np.random.default_rng(body.seed), breath)):
        cast(gas, pose).add_to(density, -0.75)
    density += vessels + shade_bones(body, pose, _turn_arms(rng, exposure.view))
    density += air * (np.float32(LUNG - 1) + np.float32(0.012) * cut_texture(rng, air.shape, 1.3))
    opacity = _shade_disease(body, lungs, pose, exposure, vessels, rng) * aerated * aerated
    density += np.minimum(opacity, air * np.float32(0.9 * (1 - LUNG)))
    density *= inside * _unevenness(rng, pose)
    even: Array = gaussian_filter(np.maximum(density, 0.0), 0.7, truncate=2.5)
    return even, air


def _shade_outline(body: Body, pose: Pose, view: str) -> Array:
    """Thickness (cm) of the trunk with breasts and, where they are in the picture, arms."""
    density = np.zeros((pose.height, pose.width), dtype=np.float32)
    cast(organs.build_trunk(body, arms_up=view == "L"), pose).add_to(density)
    for side in organs.SIDES:
        if body.breast:
            cast(organs.build_breast(body, side), pose).add_to(density, 0.25 if view == "L" else 1.0)
        if view == "AP":
            cast(organs.build_arm(body, side), pose).add_to(density)
    return density


def _turn_arms(rng: np.random.Generator, view: str) -> float | None:
    """How far the shoulder blades are turned out of the lungs: little in bed, well when standing."""
    if view == "L":
        return None
    return rng.uniform(0.1, 0.5) if view == "AP" else rng.uniform(0.7, 1.0)


def _unevenness(rng: np.random.Generator, pose: Pose) -> Array:
    """Factor of attenuation: muscle and fat lie unevenly, and a tube shines less towards its anode."""
    slope = rng.normal(0, 0.035, 2)
    ramp = np.add.outer(slope[0] * np.linspace(-1, 1, pose.height), slope[1] * np.linspace(-1, 1, pose.width))
    factor: Array = 1 + ramp.astype(np.float32)
    factor += np.float32(0.02) * cut_texture(rng, factor.shape, 14.0)
    return factor


def _measure_air(body: Body, lungs: dict[int, Slices], pose: Pose, breath: float) -> Array:
    """Length (cm) of every ray in lung that neither the diaphragm nor the mediastinum displaces."""
    solid = [cast(organs.build_dome(body, side, breath), pose) for side in organs.SIDES]
    solid += [cast(organ, pose) for organ in organs.build_mediastinum(body)]
    air = np.zeros((pose.height, pose.width), dtype=np.float32)
    for lung in lungs.values():
        shadow = cast(lung, pose)
        whole, taken = np.zeros_like(air), np.zeros_like(air)
        shadow.add_to(whole)
        for organ in solid:
            shadow.mark_overlap(organ, taken)
        air += np.maximum(whole - taken, 0.0)
    return air


def _shade_disease(
    body: Body, lungs: dict[int, Slices], pose: Pose, exposure: Exposure, vessels: Array, rng: np.random.Generator
) -> Array:
    """Thickness of water (cm) that the finding and harmless shadows put into the lungs."""
    harmless = findings.shade_patches(findings.draw_harmless(rng, body, lungs), pose)
    if exposure.finding == "covid":
        patches = findings.draw_ground_glass(rng, body, lungs, exposure.severity)
        # Ground glass veils without filling: where patches overlap they saturate.
        veil = SATURATION * np.tanh(findings.shade_patches(patches, pose) / SATURATION)
        return harmless + findings.mottle(veil, rng, 0.6)
    if exposure.finding == "pneumonia":
        patches = findings.draw_consolidation(rng, body, lungs, exposure.severity)
        filled = findings.shade_patches(patches, pose)
        filled = findings.mottle(filled, rng, 0.6 / (1.0 + filled / 6.0))
        # Open bronchi run beside the vessels and stay dark in lung that has filled up.
        bronchi = vessels * np.minimum(filled / 3.0, 1.0) * rng.uniform(0.8, 2.2)
        lobe: Array = harmless + np.maximum(filled - bronchi, np.float32(0.0))
        return lobe
    return harmless
