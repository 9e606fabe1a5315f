"""How much a picture looks like its own negative, told from where it is bright and where it is dark."""

import numpy as np
import numpy.typing as npt

Small = npt.NDArray[np.uint8]
"""uint8 [n, 64, 64]: pictures as the means of equal parts, whatever their shape."""

UNIFORM = 8
"""Gray levels within which a row or column at the edge is a frame."""
_SIDE, _CELLS = 64, 8
_POOLING = np.kron(np.eye(_CELLS, dtype=np.float32), np.full(_SIDE // _CELLS, _CELLS / _SIDE, np.float32))
"""float32 [8, 64]: the mean of each eight lines."""
_WEIGHTS = np.array(
    (
        (0.29, 0.19, 0.11, -0.08),
        (0.09, 0.04, 0.13, -0.04),
        (0.06, 0.04, 0.22, -0.03),
        (0.07, 0.06, 0.18, -0.14),
        (0.10, 0.08, 0.09, -0.22),
        (0.15, 0.06, -0.04, -0.28),
        (0.16, -0.02, -0.19, -0.36),
        (0.11, -0.18, -0.29, -0.37),
    )
)
"""Left half of the 8 x 8 cells; the right half is its mirror image. Air in the upper corners and in the lungs speaks
for a negative where it is bright, spine and belly where they are dark.

Logistic regression through the origin (C = 0.03) on 2,201 public radiographs of four sources against their negatives.
Fitted on three of the sources or on four fifths of the patients it tells all that it did not see from their negatives,
also mirrored, turned by 10 degrees, and within white or black frames."""
_ALL_WEIGHTS = np.concatenate([_WEIGHTS, _WEIGHTS[:, ::-1]], axis=1)


def score_inversion(small: Small, framed: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Log odds that pictures are negatives: float64 [n]; zero for one without structure.

    Args:
        small: the pictures.
        framed: bool [n], those with uniform rows or columns at their edges, which are left out.
    """
    cells = _POOLING @ small.astype(np.float32) @ _POOLING.T
    if framed.any():
        within = small[framed]
        rows, columns = (_pool_inner(within.max(axis=axis), within.min(axis=axis)) for axis in (2, 1))
        cells[framed] = rows @ within.astype(np.float32) @ columns.transpose(0, 2, 1)
    cells = cells - cells.mean(axis=(1, 2), keepdims=True)
    spread = cells.std(axis=(1, 2))
    scores = np.tensordot(cells, _ALL_WEIGHTS, axes=2)
    scored: npt.NDArray[np.float64] = np.divide(scores, spread, out=np.zeros_like(scores), where=spread > 0)
    return scored


def _pool_inner(brightest: Small, darkest: Small) -> npt.NDArray[np.float32]:
    """For each picture, what gives the means of eighths of its lines within the frame; of all where all are uniform.

    float32 [n, 8, 64], from the extremes of each line, uint8 [n, 64].
    """
    varied = brightest - darkest > UNIFORM
    first, after = varied.argmax(axis=1), _SIDE - varied[:, ::-1].argmax(axis=1)
    edges = np.linspace(first, after, _CELLS + 1, axis=1, dtype=np.float32)
    before = np.clip(edges[:, :, None] - np.arange(_SIDE, dtype=np.float32), 0, 1)  # share of each line
    return (np.diff(before, axis=1) / np.diff(edges)[:, :, None]).astype(np.float32)
