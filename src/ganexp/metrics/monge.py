"""Monge distance between feature distributions: MIND (Berthet et al. 2026)."""

import numpy as np
import torch
from torch import Tensor

DIRECTIONS, SEED = 1000, 0
"""How many directions the features are projected on, and the seed of the directions."""
DIRECTIONS_IN_MEMORY = 100
"""Directions that the features are projected on at a time."""


def monge_distance(a: Tensor, b: Tensor) -> float:
    """3F times the mean over directions of the squared Wasserstein distance, order 2, of float [N, F] from [M, F].

    The directions are unit vectors, uniform on the sphere, and the same at every call. On a line the best transport
    moves the smallest value to the smallest, and so on, so sorting finds the distance. The distance is exact for N ≠ M
    too: a value is then divided among its partners. A shift of all features by v costs 3|v|² on average. ValueError if
    a feature is not finite.
    """
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError("features are not finite")
    a, b = a.float().cpu(), b.float().cpu()
    ours, theirs, shares = _partners(len(a), len(b))
    total = 0.0
    for part in directions(a.shape[1]).split(DIRECTIONS_IN_MEMORY):
        moves = _sorted(part @ a.T)[:, ours]
        moves -= _sorted(part @ b.T)[:, theirs]  # In place: memory for another array takes as long as the sorting.
        moves *= moves
        moves *= shares
        total += moves.sum(dtype=np.float64).item()
    return 3 * a.shape[1] * total / DIRECTIONS


def directions(features: int) -> Tensor:
    """The unit vectors that features are projected on, float32 [DIRECTIONS, F]."""
    drawn = torch.randn(DIRECTIONS, features, generator=torch.Generator().manual_seed(SEED), dtype=torch.float32)
    return drawn / drawn.norm(dim=1, keepdim=True)


def _sorted(rows: Tensor) -> np.ndarray:
    """The values of each row in their order. numpy sorts twenty times faster than torch, which also keeps places."""
    values = rows.numpy()
    values.sort()
    return values


def _partners(n: int, m: int) -> tuple[np.ndarray | slice, np.ndarray | slice, np.ndarray]:
    """(i, j, share): the share of all mass that goes from the i-th smallest of n values to the j-th of m values."""
    if n == m:
        return slice(None), slice(None), np.full(n, 1 / n, dtype=np.float32)
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)  # In units of 1 / (n m).
    return (ends - 1) // m, (ends - 1) // n, (np.diff(ends, prepend=0) / (n * m)).astype(np.float32)
