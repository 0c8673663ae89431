"""The kernel distance against its definition."""

import pytest
import torch

from ganexp.metrics.kernel import kernel_distance


def brute_force(a: torch.Tensor, b: torch.Tensor) -> float:
    def k(x, y):
        return (x @ y / len(x) + 1) ** 3

    n, m = len(a), len(b)
    within_a = sum(k(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_b = sum(k(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return (within_a + within_b - 2 * sum(k(x, y) for x in a for y in b) / (n * m)).item()


def test_the_kernel_distance_is_the_unbiased_mmd_over_all_pairs():
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(9, 4, generator=generator, dtype=torch.float64)
    b = torch.randn(7, 4, generator=generator, dtype=torch.float64) + 0.3
    assert kernel_distance(a, b) == pytest.approx(brute_force(a, b), rel=1e-12)


def test_computing_in_blocks_changes_nothing():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 1200, 3, generator=generator, dtype=torch.float64)
    n = len(a)

    def k(x, y):
        return (x @ y.T / 3 + 1) ** 3

    def within(x):
        return (k(x, x).sum() - k(x, x).diag().sum()) / (n * (n - 1))

    expected = within(a) + within(b) - 2 * k(a, b).mean()
    assert kernel_distance(a, b) == pytest.approx(expected.item(), abs=1e-12)


def test_sets_of_one_distribution_are_near_0_and_others_are_not():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 1000, 8, generator=generator)
    assert abs(kernel_distance(a, b)) < 0.01
    assert kernel_distance(a, b + 1) > 0.5
