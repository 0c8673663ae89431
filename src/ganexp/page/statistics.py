"""What a few seeds say: how far they spread, and whether a difference may be chance."""

from collections.abc import Sequence
from itertools import combinations
from math import comb
from statistics import fmean, stdev

import numpy as np

SPLITS = 10_000
"""Of two groups' seeds into two groups: if there are no more, all are tried, else so many by chance."""

ENOUGH, SOME = 5, 3
"""Seeds a group for a test, and for an indication."""


def deviation(values: Sequence[float]) -> float | None:
    """Standard deviation of a sample, with n - 1; None of a single value."""
    return stdev(values) if len(values) > 1 else None


def permutation_test(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p of the difference of means: the share of splits in which it is at least as large.

    Exact up to SPLITS splits; else (k + 1) / (SPLITS + 1) of random ones (Phipson and Smyth 2010), the same each time.
    """
    pooled, n = np.array([*a, *b], dtype=float), len(a)
    every = comb(len(pooled), n) <= SPLITS
    if every:
        chosen = np.array(list(combinations(range(len(pooled)), n)))
    else:
        chosen = np.random.default_rng(0).random((SPLITS, len(pooled))).argsort(axis=1)[:, :n]
    sums = pooled[chosen].sum(axis=1)
    differences = np.abs(sums / n - (pooled.sum() - sums) / len(b))
    observed = abs(fmean(a) - fmean(b))
    as_large = int((differences >= observed - 1e-9 * max(observed, 1.0)).sum())  # The sums are rounded.
    return as_large / len(chosen) if every else (as_large + 1) / (SPLITS + 1)


def verdict(a: Sequence[float], b: Sequence[float]) -> str:
    """What may be said of the difference between two groups of seeds, in a sentence."""
    fewest = min(len(a), len(b))
    if fewest < SOME:
        return f"There are not enough seeds ({len(a)} and {len(b)}) to tell whether that is chance."
    p = permutation_test(a, b)
    tested = f"A permutation test over {len(a)} and {len(b)} seeds gives p = {p:.2g}"
    return f"{tested}." if fewest >= ENOUGH else f"{tested}, indicative with so few."
