"""What a classifier says of generated pictures."""

import torch
from torch import Tensor


def classifier_score(probabilities: Tensor) -> float:
    """exp of the mean KL of a picture's classes from all pictures' (Salimans et al. 2016, on our own classifier).

    probabilities: float [N, K]; from 1 to K.
    """
    p = probabilities.double()
    overall = p.mean(0)
    return (torch.special.xlogy(p, p) - torch.special.xlogy(p, overall)).sum(1).mean().exp().item()


def histogram(labels: Tensor, classes: int) -> Tensor:
    """Shares of int64 [N] labels: float64 [classes]."""
    return torch.bincount(labels, minlength=classes).double() / len(labels)


def divergence(shares: Tensor, data: Tensor) -> float:
    """KL of the generated histogram from the data's, in nats; classes that the data has not got do not count."""
    known = data > 0
    return (torch.special.xlogy(shares, shares)[known] - torch.special.xlogy(shares[known], data[known])).sum().item()


EXPECTED = 10
"""Pictures of a class among the samples by which it may be judged: of fewer, chance alone may leave none."""


def missing(shares: Tensor, data: Tensor, n: int) -> list[int]:
    """Classes with less than a tenth of their share in the data, of those that `n` samples can tell of."""
    return [c for c in range(len(data)) if data[c] * n >= EXPECTED and shares[c] < data[c] / 10]
