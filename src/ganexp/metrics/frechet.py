"""Fréchet distance between feature distributions (Heusel et al. 2017), in float64."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

FEATURES_IN_FLOAT64 = 2000
"""Pictures whose features are in memory in float64 at a time."""


@dataclass(frozen=True)
class Statistics:
    """Sums over n pictures: of features, `total` float64 [F], and of their products, `outer` float64 [F, F].

    The statistics of two sets add up to those of both together.
    """

    n: int
    total: Tensor
    outer: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "Statistics":
        """The statistics of features, float [N, F]. ValueError if they are not finite."""
        features = features.cpu()
        if not features.isfinite().all():
            raise ValueError("features are not finite")
        parts = [cls(len(x), x.sum(0), x.T @ x) for x in map(Tensor.double, features.split(FEATURES_IN_FLOAT64))]
        return sum(parts[1:], parts[0])

    def __add__(self, other: "Statistics") -> "Statistics":
        return Statistics(self.n + other.n, self.total + other.total, self.outer + other.outer)

    @property
    def mean(self) -> Tensor:
        return self.total / self.n

    @property
    def covariance(self) -> Tensor:
        """The unbiased covariance, as numpy's `cov`; 0 for a single picture."""
        return (self.outer - self.n * torch.outer(self.mean, self.mean)) / max(self.n - 1, 1)

    @cached_property
    def root(self) -> Tensor:
        """The square root of the covariance. It is kept, because a reference is compared with many times."""
        values, vectors = torch.linalg.eigh(self.covariance)
        return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def frechet_distance(a: Statistics, b: Statistics) -> float:
    """|mean difference|² + tr(A + B - 2 (AB)^½).

    (AB)^½ and (A^½ B A^½)^½ have the same trace. The eigenvalues of the latter are real and not negative, so no complex
    root is needed.
    """
    cross = torch.linalg.eigvalsh(a.root @ b.covariance @ a.root).clamp(min=0).sqrt().sum()
    distance = (a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace() - 2 * cross
    return max(distance.item(), 0.0)
