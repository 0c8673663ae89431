"""Kernel distance between feature distributions: KID (Bińkowski et al. 2018)."""

import torch
from torch import Tensor


def kernel_distance(a: Tensor, b: Tensor) -> float:
    """Unbiased squared MMD of float [N, F] and [M, F] under (x·y / F + 1)³, over all pairs; it may be below 0."""
    n, m = len(a), len(b)
    within_a = _sum(a, a) - _kernel((a * a).sum(1), a.shape[1]).double().sum()
    within_b = _sum(b, b) - _kernel((b * b).sum(1), b.shape[1]).double().sum()
    return (within_a / (n * (n - 1)) + within_b / (m * (m - 1)) - 2 * _sum(a, b) / (n * m)).item()


def _kernel(products: Tensor, size: int) -> Tensor:
    return (products / size + 1) ** 3


def _sum(a: Tensor, b: Tensor) -> Tensor:
    """Of the kernel over all pairs, in blocks: n x m numbers need not fit in memory."""
    blocks = [_kernel(block @ b.T, a.shape[1]).sum(dtype=torch.float64) for block in a.split(500)]
    return torch.stack(blocks).sum()
