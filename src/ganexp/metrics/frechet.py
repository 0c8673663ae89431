"""Fréchet distance between feature distributions (Heusel et al. 2017), in float64."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

BLOCK = 2000
"""Features that are in memory in float64 at a time."""


@dataclass(frozen=True)
class Statistics:
    """Sums over n features: `total` float64 [F], `outer` (of products) float64 [F, F]. Sums of parts add up."""

    n: int
    total: Tensor
    outer: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "Statistics":
        """features: float [N, F], finite; ValueError otherwise."""
        features = features.cpu()
        if not features.isfinite().all():
            raise ValueError("features are not finite")
        parts = [cls(len(x), x.sum(0), x.T @ x) for x in map(Tensor.double, features.split(BLOCK))]
        return sum(parts[1:], parts[0])

    def __add__(self, other: "Statistics") -> "Statistics":
        return Statistics(self.n + other.n, self.total + other.total, self.outer + other.outer)

    @property
    def mean(self) -> Tensor:
        return self.total / self.n

    @property
    def covariance(self) -> Tensor:
        """Unbiased, as numpy's `cov`; of one feature alone it is 0."""
        return (self.outer - self.n * torch.outer(self.mean, self.mean)) / max(self.n - 1, 1)

    @cached_property
    def root(self) -> Tensor:
        """Of the covariance. Kept: a reference is measured against many times."""
        values, vectors = torch.linalg.eigh(self.covariance)
        return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def frechet_distance(a: Statistics, b: Statistics) -> float:
    """|mean difference|² + tr(A + B - 2 (AB)^½).

    (AB)^½ has the trace of (A^½ B A^½)^½, whose eigenvalues are real and not negative: no complex root is needed.
    """
    cross = torch.linalg.eigvalsh(a.root @ b.covariance @ a.root).clamp(min=0).sqrt().sum()
    distance = (a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace() - 2 * cross
    return max(distance.item(), 0.0)
