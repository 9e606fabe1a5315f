"""From attenuation to the picture a scanner delivers: processing, sharpness, noise, borders and markers."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from xray_model.data.phantoms.lungs import cut_texture
from xray_model.data.phantoms.projection import Array


@dataclass(frozen=True, slots=True)
class Scanner:
    """How one exposure is processed."""

    flatten: float
    """Share of the broad differences that processing takes away (0 film, .5 digital)."""
    width: float
    """Width of the display curve as a part of the range between lung and mediastinum: small is hard."""
    centre: float
    """Middle of the display curve between lung (0) and mediastinum (1): small is bright."""
    gamma: float
    blur: float
    """Unsharpness (cells of the drawing grid)."""
    noise: float
    """Standard deviation of the noise in gray (0 to 1)."""
    border: float
    """Chance of a collimated border."""
    roll: float
    """Standard deviation of the picture's tilt (radians)."""


def draw_scanner(rng: np.random.Generator, drift: float, *, portable: bool) -> Scanner:
    """The processing of one exposure; `drift` 0 to 1 moves every setting towards those of another scanner."""
    return Scanner(
        flatten=float(np.clip(rng.normal(0.45 - 0.25 * drift, 0.07), 0.05, 0.7)),
        width=float(np.clip(rng.normal(0.27 + 0.03 * portable + 0.17 * drift, 0.025), 0.17, 0.7)),
        centre=float(np.clip(rng.normal(0.46 - 0.27 * drift, 0.05), 0.05, 0.75)),
        gamma=float(np.exp(rng.normal(-0.30 * drift, 0.06))),
        blur=float(abs(rng.normal(0.25 * portable + 0.9 * drift, 0.15))),
        noise=float(rng.uniform(0.006, 0.016) * (1 + 0.5 * portable) + 0.03 * drift),
        border=0.25 + 0.55 * drift,
        roll=0.025 + 0.012 * portable,
    )


def develop(density: Array, air: Array, scanner: Scanner, rng: np.random.Generator, scale: float) -> Array:
    """The gray picture of an exposure.

    Args:
        density: attenuation of every ray (cm of water), float32 [h, w].
        air: length of every ray in aerated lung (cm), which tells the processing where the lungs are.
        scanner: its processing.
        rng: noise, borders, tilt.
        scale: side of a grid cell in pixels of the picture.

    Returns:
        float32 [round(h * scale), round(w * scale)] in 0 to 1, bone white.
    """
    even = density - np.float32(scanner.flatten) * _broad(density)
    lung, body = even[::3, ::3][air[::3, ::3] > 5.0], even[::3, ::3][density[::3, ::3] > 2.0]
    low = float(np.percentile(lung, 3)) if lung.size > 50 else float(even.min())
    high = float(np.percentile(body, 88))
    middle = low + (high - low) * scanner.centre
    steep = np.float32(1.0 / max((high - low) * scanner.width, 0.1))
    gray: Array = np.power(1.0 / (1.0 + np.exp((np.float32(middle) - even) * steep)), np.float32(scanner.gamma))
    if scanner.blur > 0.1:
        gray = gaussian_filter(gray, scanner.blur, truncate=2.5)
    size = round(density.shape[1] * scale), round(density.shape[0] * scale)
    tilted = _tilt(gray.astype(np.float32), rng.normal(0, scanner.roll))
    picture = np.array(tilted.resize(size, Image.Resampling.BICUBIC))
    grain = cut_texture(rng, picture.shape, 0.0)
    picture += grain * (0.55 + 0.75 * picture) * np.float32(scanner.noise)
    return np.clip(picture, np.float32(0.0), np.float32(1.0), out=picture)


def add_border(picture: Array, rng: np.random.Generator) -> None:
    """Blacken what the collimator kept from the beam: a slightly turned rectangle stays."""
    height, width = picture.shape
    side = min(height, width)
    left, top, right, bottom = (abs(rng.normal(0, 0.035)) * side for _ in range(4))
    skew = rng.normal(0, 0.01, 4) * side
    mask = Image.new("L", (width, height), 0)
    corners = [
        *((left + skew[0], top + skew[1]), (width - right + skew[2], top - skew[1])),
        *((width - right - skew[2], height - bottom + skew[3]), (left - skew[0], height - bottom - skew[3])),
    ]
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    picture *= np.asarray(mask, dtype=np.float32) / 255


def add_marker(picture: Array, rng: np.random.Generator, *, portable: bool) -> None:
    """Lead letters that name a side (and the view of a portable exposure), on the patient's right or left."""
    height, width = picture.shape
    text = "L" if rng.random() < 0.6 else "R"
    x = width * (rng.uniform(0.84, 0.93) if text == "L" else rng.uniform(0.04, 0.12))
    y = height * rng.uniform(0.03, 0.12)
    words = [(x, y, text, 0.055)]
    if portable and rng.random() < 0.4:
        words.append((width * rng.uniform(0.05, 0.2), height * rng.uniform(0.02, 0.05), "AP PORTABLE", 0.028))
    overlay = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(overlay)
    for left, top, word, size in words:
        draw.text((left, top), word, fill=255, font=_font(max(round(width * size), 8)))
    _lay_over(picture, overlay, 0.93)


def add_leads(picture: Array, rng: np.random.Generator) -> None:
    """Electrodes and their wires, as they lie on patients who are watched over."""
    height, width = picture.shape
    overlay = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(overlay)
    t = np.linspace(0, 1, 40)[:, None]
    for _ in range(int(rng.integers(2, 5))):
        spot = np.array([rng.uniform(0.15, 0.85) * width, rng.uniform(0.15, 0.75) * height])
        away = np.array([rng.uniform(-0.1, 1.1) * width, height * 1.02])
        knee = (spot + away) / 2 + rng.normal(0, 0.16, 2) * width
        path = spot * (1 - t) ** 2 + 2 * knee * t * (1 - t) + away * t**2
        draw.line([(float(x), float(y)) for x, y in path], fill=105, width=max(round(width / 260), 1))
        ring = width * 0.011
        draw.ellipse((spot[0] - ring, spot[1] - ring, spot[0] + ring, spot[1] + ring), fill=150)
    _lay_over(picture, overlay, 0.9)


def _lay_over(picture: Array, overlay: Image.Image, white: float) -> None:
    """Draw an overlay's gray as opacity of `white`, touching only where something is drawn."""
    box = overlay.getbbox()
    if box is None:
        return
    left, top, right, bottom = box
    opacity = np.asarray(overlay.crop(box), dtype=np.float32) / 255
    part = picture[top:bottom, left:right]
    part += opacity * np.maximum(np.float32(white) - part, 0.0)


def _broad(density: Array) -> Array:
    """The broad differences of a picture: itself, strongly blurred."""
    image = Image.fromarray(density)
    small = gaussian_filter(np.asarray(image.reduce(8)), 4.5)
    return np.asarray(Image.fromarray(small).resize(image.size, Image.Resampling.BICUBIC))


def _tilt(gray: Array, angle: float) -> Image.Image:
    image = Image.fromarray(gray)
    if abs(angle) < 0.004:
        return image
    # Enlarged just enough that no empty corner comes into the picture.
    zoom = 1.0 - 1.1 * abs(float(np.sin(angle)))
    cos, sin = zoom * float(np.cos(angle)), zoom * float(np.sin(angle))
    x, y = image.width / 2, image.height / 2
    affine = (cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y)
    return image.transform(image.size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
