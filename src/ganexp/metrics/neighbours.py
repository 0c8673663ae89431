"""What nearest neighbours in feature space tell: fidelity, diversity, copies."""

from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 250
"""Rows of a distance matrix that are in memory at a time."""
AMONG = 5000
"""Columns: cdist copies what it searches."""


@dataclass(frozen=True)
class PRDC:
    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: Tensor, fake: Tensor, k: int = 5, of_real: Tensor | None = None) -> PRDC:
    """Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020).

    real, fake: float [N, F], [M, F]. A picture's ball reaches to its k-th neighbour in its own set. of_real: how far
    those of the reals reach, `kth_distance(real, k)`, if it is known.

    precision: share of fakes in the ball of any real. recall: share of reals in the ball of any fake.
    density: real balls that a fake lies in, over k. coverage: share of reals with a fake in their ball.
    """
    of_real = kth_distance(real, k) if of_real is None else of_real
    of_fake = kth_distance(fake, k)
    in_fake_ball = torch.zeros(len(real), dtype=torch.bool)
    covered = torch.zeros(len(real), dtype=torch.bool)
    balls, precise = 0, 0
    for start in range(0, len(fake), BLOCK):
        distances = torch.cdist(real, fake[start : start + BLOCK])
        inside = distances < of_real[:, None]
        covered |= inside.any(1)
        balls += int(inside.sum())
        precise += int(inside.any(0).sum())
        in_fake_ball |= (distances < of_fake[None, start : start + BLOCK]).any(1)
    return PRDC(
        precision=precise / len(fake),
        recall=in_fake_ball.double().mean().item(),
        density=balls / (k * len(fake)),
        coverage=covered.double().mean().item(),
    )


def kth_distance(features: Tensor, k: int) -> Tensor:
    """Of each of float [N, F] to its k-th nearest other one: float [N]."""
    blocks = features.split(BLOCK)
    # The nearest is the picture itself, or its equal: either way one more is asked for.
    return torch.cat([torch.cdist(block, features).kthvalue(k + 1).values for block in blocks])


def nearest(features: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """(distance float [N], index int64 [N]) of each feature's nearest one in `among`, float [M, F]."""
    distance, index = torch.full((len(features),), torch.inf), torch.zeros(len(features), dtype=torch.long)
    for first in range(0, len(among), AMONG):
        part = among[first : first + AMONG]
        found = [torch.cdist(block, part).min(1) for block in features.split(BLOCK)]
        nearer = torch.cat([f.values for f in found]) < distance
        distance = torch.where(nearer, torch.cat([f.values for f in found]), distance)
        index = torch.where(nearer, torch.cat([f.indices for f in found]) + first, index)
    return distance, index
