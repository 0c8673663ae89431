"""Kernel distance between feature distributions: KID (Bińkowski et al. 2018)."""

import torch
from torch import Tensor

ROWS_IN_MEMORY = 250
"""Rows of the kernel's matrix that are in memory at a time."""


def kernel_distance(a: Tensor, b: Tensor, within_b: Tensor | None = None) -> float:
    """Unbiased squared MMD of float [N, F] and [M, F] under (x·y / F + 1)³, over all pairs; it may be below 0.

    within_b: the value of `within(b)`, if it is known.
    """
    across = torch.stack([_kernel_sum(rows, b) for rows in a.split(ROWS_IN_MEMORY)]).sum() / (len(a) * len(b))
    within_b = within(b) if within_b is None else within_b
    return (within(a) + within_b - 2 * across).item()


def within(a: Tensor) -> Tensor:
    """Mean of the kernel over all pairs of different rows of float [N, F]: float64 []."""
    total = torch.zeros((), dtype=torch.float64)
    for start in range(0, len(a), ROWS_IN_MEMORY):
        # The matrix is symmetric: the part right of the diagonal counts twice.
        rows, others = a[start : start + ROWS_IN_MEMORY], a[start + ROWS_IN_MEMORY :]
        diagonal = (rows.square().sum(1) / a.shape[1] + 1).pow_(3).sum(dtype=torch.float64)
        total += _kernel_sum(rows, rows) - diagonal + 2 * _kernel_sum(rows, others)
    return total / (len(a) * (len(a) - 1))


def _kernel_sum(a: Tensor, b: Tensor) -> Tensor:
    """The sum of the kernel over all pairs of rows: float64 []."""
    one = torch.ones((), dtype=a.dtype, device=a.device)
    return torch.addmm(one, a, b.T, alpha=1 / a.shape[1]).pow_(3).sum(dtype=torch.float64)
