"""Metrics of nearest neighbours among features: fidelity, diversity, copies."""

from dataclasses import dataclass

import torch
from torch import Tensor

ROWS_IN_MEMORY = 250
"""Rows of a distance matrix that are in memory at a time."""
COLUMNS_IN_MEMORY = 5000
"""Columns of a distance matrix that are in memory at a time. cdist copies the features of both."""


@dataclass(frozen=True)
class PRDC:
    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: Tensor, fake: Tensor, k: int = 5, of_real: Tensor | None = None) -> PRDC:
    """Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020).

    real, fake: float [N, F], [M, F]. The ball around a picture reaches to its k-th neighbour in its own set.
    of_real: the radii of the real balls, `kth_distance(real, k)`, if they are known.

    precision: share of fakes in the ball of any real. recall: share of reals in the ball of any fake.
    density: mean number of real balls that a fake lies in, divided by k. coverage: share of reals whose ball holds a
    fake.
    """
    of_real = kth_distance(real, k) if of_real is None else of_real
    of_fake = kth_distance(fake, k)
    in_fake_ball = torch.zeros(len(real), dtype=torch.bool)
    covered = torch.zeros(len(real), dtype=torch.bool)
    balls, precise = 0, 0
    for start in range(0, len(fake), ROWS_IN_MEMORY):
        distances = torch.cdist(real, fake[start : start + ROWS_IN_MEMORY])
        inside = distances < of_real[:, None]
        covered |= inside.any(1)
        balls += int(inside.sum())
        precise += int(inside.any(0).sum())
        in_fake_ball |= (distances < of_fake[None, start : start + ROWS_IN_MEMORY]).any(1)
    return PRDC(
        precision=precise / len(fake),
        recall=in_fake_ball.double().mean().item(),
        density=balls / (k * len(fake)),
        coverage=covered.double().mean().item(),
    )


def kth_distance(features: Tensor, k: int) -> Tensor:
    """The distance of each of float [N, F] from its k-th nearest other one: float [N]."""
    blocks = features.split(ROWS_IN_MEMORY)
    # The nearest one is the picture itself, or an equal one. So the neighbour after the k-th is taken.
    return torch.cat([torch.cdist(block, features).kthvalue(k + 1).values for block in blocks])


def nearest(features: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """(distance float [N], index int64 [N]) of the nearest one in `among`, float [M, F], to each of float [N, F]."""
    distance, index = torch.full((len(features),), torch.inf), torch.zeros(len(features), dtype=torch.long)
    for first in range(0, len(among), COLUMNS_IN_MEMORY):
        part = among[first : first + COLUMNS_IN_MEMORY]
        found = [torch.cdist(block, part).min(1) for block in features.split(ROWS_IN_MEMORY)]
        nearer = torch.cat([f.values for f in found]) < distance
        distance = torch.where(nearer, torch.cat([f.values for f in found]), distance)
        index = torch.where(nearer, torch.cat([f.indices for f in found]) + first, index)
    return distance, index
