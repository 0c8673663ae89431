"""Metrics of nearest neighbours among features: fidelity, diversity, copies."""

from dataclasses import dataclass

import torch
from torch import Tensor

ROWS_IN_MEMORY = 250
"""Rows of a distance matrix that are in memory at a time."""
COLUMNS_IN_MEMORY = 5000
"""Columns of a distance matrix that are in memory at a time, where there may be many."""


@dataclass(frozen=True)
class PRDC:
    """What `prdc` measures.

    precision: share of fakes in the ball of any real.
    recall: share of reals in the ball of any fake.
    density: mean number of real balls that a fake lies in, divided by k.
    coverage: share of reals whose ball holds a fake.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: Tensor, fake: Tensor, k: int = 5, real_radii: Tensor | None = None) -> PRDC:
    """Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020).

    real, fake: float [N, F], [M, F]. The ball around a picture reaches to its k-th neighbour in its own set.
    real_radii: the radii of the real balls, `kth_distance(real, k)`, if they are known.
    """
    real_radii = kth_distance(real, k) if real_radii is None else real_radii
    fake_radii = kth_distance(fake, k)
    in_fake_ball = torch.zeros(len(real), dtype=torch.bool)
    covered = torch.zeros(len(real), dtype=torch.bool)
    balls, precise = 0, 0
    squared_lengths = _squared_lengths(real)
    for start in range(0, len(fake), ROWS_IN_MEMORY):
        squares = _squared_distances(fake[start : start + ROWS_IN_MEMORY], real, squared_lengths)
        inside = squares < real_radii.square()
        covered |= inside.any(0)
        balls += int(inside.sum())
        precise += int(inside.any(1).sum())
        in_fake_ball |= (squares < fake_radii[start : start + ROWS_IN_MEMORY, None].square()).any(0)
    return PRDC(
        precision=precise / len(fake),
        recall=in_fake_ball.double().mean().item(),
        density=balls / (k * len(fake)),
        coverage=covered.double().mean().item(),
    )


def kth_distance(features: Tensor, k: int) -> Tensor:
    """The distance of each row, float [N, F], from its k-th nearest other row: float [N]."""
    found, squared_lengths = [], _squared_lengths(features)
    for start in range(0, len(features), ROWS_IN_MEMORY):
        squares = _squared_distances(features[start : start + ROWS_IN_MEMORY], features, squared_lengths)
        squares.diagonal(start).fill_(torch.inf)  # A picture is no neighbour of itself.
        # The minimum of a row is found faster than its k-th value.
        found.append(squares.amin(1) if k == 1 else squares.kthvalue(k).values)
    return torch.cat(found).clamp(min=0).sqrt()


def nearest(features: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """For each row of `features`, float [N, F], the nearest row of `among`, float [M, F].

    Returns the distances, float [N], and the indices, int64 [N].
    """
    square, index = torch.full((len(features),), torch.inf), torch.zeros(len(features), dtype=torch.long)
    for first in range(0, len(among), COLUMNS_IN_MEMORY):
        part = among[first : first + COLUMNS_IN_MEMORY]
        squared_lengths = _squared_lengths(part)
        found = [_squared_distances(rows, part, squared_lengths).min(1) for rows in features.split(ROWS_IN_MEMORY)]
        values, places = (torch.cat(tensors) for tensors in zip(*found, strict=True))
        nearer = values < square
        square = torch.where(nearer, values, square)
        index = torch.where(nearer, places + first, index)
    return square.clamp(min=0).sqrt(), index


def _squared_distances(a: Tensor, b: Tensor, squared_lengths: Tensor) -> Tensor:
    """|a - b|² = |a|² + |b|² - 2 a·b of float [N, F] and [M, F]: [N, M]. Rounding may leave values just below 0.

    squared_lengths: `_squared_lengths(b)`, which many calls share.
    """
    return torch.addmm(squared_lengths, a, b.T, alpha=-2).add_(_squared_lengths(a)[:, None])


def _squared_lengths(rows: Tensor) -> Tensor:
    """|row|² of float [N, F]: [N]."""
    return torch.cat([part.square().sum(1) for part in rows.split(ROWS_IN_MEMORY)])
