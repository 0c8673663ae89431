"""Statistics of a few seeds: their spread, in numbers and as text, and whether a difference may be chance."""

from collections.abc import Sequence
from itertools import combinations
from math import comb, floor, log10
from statistics import fmean, stdev

import numpy as np

SPLITS = 10_000
"""If the seeds can be split into two groups in at most so many ways, a permutation test tries all splits. Otherwise it
tries so many random splits."""

ENOUGH, SOME = 5, 3
"""The seeds of each group that a test needs, and those that a hint needs."""

LEVEL, HINT_LEVEL = 0.05, 0.1
"""The p of a permutation test below which a difference is probably not chance, and up to which it is a hint."""


def deviation(values: Sequence[float]) -> float | None:
    """Standard deviation of a sample, with n - 1; None for a single value."""
    return stdev(values) if len(values) > 1 else None


def noise_of_gap(a: Sequence[float], b: Sequence[float], once: float) -> float:
    """The standard deviation of the gap between two means that comes from measuring. once: that of one measurement."""
    return once * (1 / len(a) + 1 / len(b)) ** 0.5


def beyond_noise(a: Sequence[float], b: Sequence[float], once: float) -> bool:
    """Whether the gap between two means is more than twice what the noise of measuring explains."""
    return abs(fmean(a) - fmean(b)) > 2 * noise_of_gap(a, b, once)


def spread(values: Sequence[float]) -> str:
    """`16.8 ± 0.4`: mean and standard deviation, both to two digits of the latter; a single value stands alone."""
    sd = deviation(values)
    if not sd:
        return number(fmean(values)) + (" ± 0" if sd == 0 else "")
    decimals = min(max(1 - floor(log10(sd)), 0), 6)
    return f"{fmean(values):,.{decimals}f} ± {sd:,.{decimals}f}"


def number(value: float) -> str:
    """The value to four digits; a large value has no exponent."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def permutation_test(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p of the difference of means: the share of splits whose difference is at least as large.

    The test is exact up to SPLITS splits. Beyond, it is (k + 1) / (SPLITS + 1) over random splits (Phipson and Smyth
    2010), with the same splits in every call.
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
    as_large = int((differences >= observed - 1e-9 * max(observed, 1.0)).sum())  # The sums carry rounding errors.
    return as_large / len(chosen) if every else (as_large + 1) / (SPLITS + 1)


def is_clear(p: float, fewest: int) -> bool:
    """Whether p is small enough for `fewest` seeds. If both groups have 3 seeds, p is 0.1 at least."""
    return p < LEVEL if fewest >= ENOUGH else p <= HINT_LEVEL


def counted(a: Sequence[float], b: Sequence[float]) -> str:
    """`5 seeds each`, `3 and 5 seeds`."""
    return f"{len(a)} seed{'s' * (len(a) > 1)} each" if len(a) == len(b) else f"{len(a)} and {len(b)} seeds"


def significance(a: Sequence[float], b: Sequence[float]) -> str:
    """A sentence that says whether the difference between two groups of seeds may be chance."""
    fewest = min(len(a), len(b))
    each = counted(a, b)
    if fewest < SOME:
        return f"The difference may be chance: there are too few seeds to tell ({each})."
    p = permutation_test(a, b)
    found = "may be chance" if not is_clear(p, fewest) else "is a hint" if fewest < ENOUGH else "is probably not chance"
    return f"The difference {found}: p = {p:.2g} in a permutation test with {each}."
