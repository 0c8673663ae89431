"""Metrics of the classes that an evaluator sees in pictures."""

import torch
from torch import Tensor


def classifier_score(probabilities: Tensor) -> float:
    """exp of the mean KL divergence of each picture's classes from all pictures' classes: from 1 to K.

    Salimans et al. 2016, with the evaluator in the place of Inception. probabilities: float [N, K].
    """
    p = probabilities.double()
    overall = p.mean(0)
    return (torch.special.xlogy(p, p) - torch.special.xlogy(p, overall)).sum(1).mean().exp().item()


def histogram(labels: Tensor, num_classes: int) -> Tensor:
    """Share of each class among int64 [N] labels: float64 [num_classes]."""
    return torch.bincount(labels, minlength=num_classes).double() / len(labels)


def divergence(shares: Tensor, data: Tensor) -> float:
    """KL divergence of the generated shares from the data's shares, in nats.

    The divergence from a class that the data lacks would be infinite. Instead, the share of such classes is added, so
    that the divergence is 0 for equal shares and above 0 for all others.
    """
    known = data > 0
    terms = torch.special.xlogy(shares, shares)[known] - torch.special.xlogy(shares[known], data[known])
    return (terms.sum() + shares[~known].sum()).item()


EXPECTED = 10
"""A class is judged if 10 pictures of the class are expected, or more. If fewer are expected, chance may leave none."""


def expected(data: Tensor, n: int) -> list[int]:
    """Classes of which EXPECTED pictures or more are expected among n."""
    return [c for c in range(len(data)) if data[c] * n >= EXPECTED]


def missing(shares: Tensor, data: Tensor, n: int) -> list[int]:
    """Classes that n samples should show and that have less than a tenth of their share in the data."""
    return [c for c in expected(data, n) if shares[c] < data[c] / 10]
