"""The Monge distance against closed forms and against the best of all transports."""

from itertools import permutations

import pytest
import torch

from ganexp.metrics.monge import DIRECTIONS, directions, monge_distance


def normal(n: int, size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed))


def test_equal_sets_are_at_distance_0_in_any_order():
    a, b = normal(500, 8), normal(500, 8, seed=1)
    shuffled = torch.randperm(500, generator=torch.Generator().manual_seed(2))
    assert monge_distance(a, a) == monge_distance(a, a[shuffled]) == 0
    assert monge_distance(a[shuffled], b) == pytest.approx(monge_distance(a, b), rel=1e-6)
    assert monge_distance(b, a) == pytest.approx(monge_distance(a, b), rel=1e-6) and monge_distance(a, b) > 0


def test_a_shift_costs_three_times_its_square():
    shift = torch.tensor([3.0, -1.0, 0.5, 2.0])
    a = normal(300, 4)
    along = directions(4) @ shift
    assert monge_distance(a, a + shift) == pytest.approx(12 * along.square().mean().item(), rel=1e-5)
    assert monge_distance(a, a + shift) == pytest.approx(3 * shift.square().sum().item(), rel=0.1)
    assert monge_distance(a[:, :1], a[:, :1] + 2) == pytest.approx(3 * 2**2, rel=1e-6)


def test_gaussians_of_other_means_and_deviations_have_a_closed_form():
    """Along every direction the squared distance is (difference of means)² + (difference of deviations)²."""
    n, size, shift, scale = 5000, 16, 0.7, 1.5
    found = monge_distance(normal(n, size), scale * normal(n, size, seed=1) + shift)
    along = directions(size).sum(1) * shift
    assert found == pytest.approx(3 * size * (along.square().mean().item() + (scale - 1) ** 2), rel=0.05)


def test_along_each_direction_no_other_transport_is_cheaper():
    a, b = normal(5, 3), normal(5, 3, seed=1) * 2
    along = zip(directions(3) @ a.T, directions(3) @ b.T, strict=True)
    orders = torch.tensor([*permutations(range(5))])
    cheapest = [(x - y[orders]).square().mean(1).min().item() for x, y in along]
    assert len(cheapest) == DIRECTIONS == 1000
    assert monge_distance(a, b) == pytest.approx(3 * 3 * sum(cheapest) / DIRECTIONS, rel=1e-5)


@pytest.mark.parametrize(("n", "m"), [(6, 4), (4, 6), (7, 1), (1, 7), (100, 99)])
def test_sets_of_unlike_sizes_are_compared_as_if_each_picture_came_as_often_as_it_takes(n, m):
    a, b = normal(n, 5), normal(m, 5, seed=1)
    expected = monge_distance(a.repeat_interleave(m, 0), b.repeat_interleave(n, 0))
    assert monge_distance(a, b) == pytest.approx(expected, rel=1e-4)


def test_a_set_of_the_same_two_moments_is_seen():
    """The Fréchet distance of these sets is 0."""
    a = normal(2000, 2)
    x = torch.ones(1000, 2)
    x[:, 1] = torch.arange(1000) % 2 * 2 - 1.0
    corners = torch.cat([x, -x])
    a = (a - a.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(a.T, correction=0))).T
    torch.testing.assert_close(torch.cov(a.T), torch.cov(corners.T), atol=1e-5, rtol=0)
    assert monge_distance(a, corners) > 0.3


def test_neither_a_global_random_state_nor_a_global_precision_matters():
    a, b = normal(50, 6), normal(50, 6, seed=1)
    state = torch.get_rng_state()
    before = monge_distance(a, b)
    assert torch.equal(torch.get_rng_state(), state)
    torch.set_default_dtype(torch.float64)
    try:
        assert monge_distance(a, b) == monge_distance(a.double(), b.double()) == before
    finally:
        torch.set_default_dtype(torch.float32)


def test_features_stay_as_they_were():
    a, b = normal(20, 3), normal(20, 3, seed=1)
    kept = a.clone(), b.clone()
    monge_distance(a, b)
    assert torch.equal(a, kept[0]) and torch.equal(b, kept[1])


def test_features_that_are_not_finite_are_refused():
    for broken in (torch.nan, torch.inf):
        with pytest.raises(ValueError, match="not finite"):
            monge_distance(normal(4, 2), torch.full((4, 2), broken))
