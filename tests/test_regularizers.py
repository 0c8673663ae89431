"""Penalties on critics whose gradients are known."""

import pytest
import torch
from torch import nn

from ganexp.networks.discriminator import Verdict
from ganexp.networks.mlp import MLP
from ganexp.regularizers import GradientPenalty, SpectralNorm

REAL, FAKE = torch.randn(2, 5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
SLOPE = torch.tensor([1.0, -2.0, 0.5, 2.0])
NORM = SLOPE.norm().item()


class Linear(nn.Module):
    def forward(self, images, labels=None):
        return Verdict(images.flatten(1) @ SLOPE)


class Quadratic(nn.Module):
    """|x|^2 / 2, whose gradient is x."""

    def forward(self, images, labels=None):
        return Verdict(images.flatten(1).square().sum(1) / 2)


@pytest.mark.parametrize("where", ["real", "fake", "line", "around_real"])
@pytest.mark.parametrize(
    ("what", "expected"),
    [("norm_one", (NORM - 1) ** 2), ("norm_zero", NORM**2), ("at_most_one", max(0, NORM - 1) ** 2)],
)
def test_a_linear_critic_has_the_same_slope_everywhere(where, what, expected):
    penalty = GradientPenalty(where=where, what=what, weight=3.0).penalty(Linear(), REAL, FAKE, None)
    assert penalty.item() == pytest.approx(3 * expected, rel=1e-5)


@pytest.mark.parametrize(("where", "points"), [("real", REAL), ("fake", FAKE)])
def test_a_quadratic_critic_tells_where_its_slope_is_taken(where, points):
    penalty = GradientPenalty(where=where, what="norm_zero", weight=1.0).penalty(Quadratic(), REAL, FAKE, None)
    torch.testing.assert_close(penalty, points.flatten(1).square().sum(1).mean())


def test_spectral_norm_brings_the_largest_singular_value_to_one():
    torch.manual_seed(0)
    discriminator = MLP(hidden=8, latent_dim=4).discriminator((1, 8, 8), 0, per_sample=False)
    SpectralNorm().prepare(discriminator)
    for _ in range(50):
        discriminator(torch.randn(4, 1, 8, 8))
    for module in discriminator.modules():
        if isinstance(module, nn.Linear):
            assert torch.linalg.matrix_norm(module.weight, 2).item() == pytest.approx(1, rel=1e-2)


def test_at_most_one_asks_nothing_of_a_gentle_slope():
    class Gentle(nn.Module):
        def forward(self, images, labels=None):
            return Verdict(images.flatten(1) @ (SLOPE / (2 * NORM)))

    penalty = GradientPenalty(where="line", what="at_most_one", weight=3.0).penalty(Gentle(), REAL, FAKE, None)
    assert penalty.item() == 0
