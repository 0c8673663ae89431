"""Muon, an optimizer for convolutions (Jordan et al. 2024)."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Muon(torch.optim.Optimizer):
    """Nesterov's momentum whose steps are made orthogonal: rare directions are learned as fast as frequent ones.

    params: kernels [out, in, ...], each kept at a norm of sqrt(out), as only their directions count before BatchNorm.
    lr: the length of a step, as a share of that norm.
    """

    # torch.optim.Muon takes matrices alone, and multiplies in bfloat16, which is slow on most CPUs.

    def __init__(self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.6):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for kernel in group["params"]:
                gradient = kernel.grad
                velocity = self.state[kernel].setdefault("velocity", torch.zeros_like(kernel))
                velocity.mul_(group["momentum"]).add_(gradient)
                direction = orthogonal(gradient.add(velocity, alpha=group["momentum"]).flatten(1)).view_as(kernel)
                kernel.mul_(len(kernel) ** 0.5 / kernel.norm()).sub_(direction, alpha=group["lr"])


def orthogonal(matrix: Tensor, iterations: int = 3) -> Tensor:
    """Roughly the nearest matrix whose singular values are all 1, by an iteration of Newton and Schulz's kind."""
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(iterations):
        square = wide @ wide.T
        wide = a * wide + (b * square + c * square @ square) @ wide
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T
