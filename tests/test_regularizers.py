"""Penalties on critics whose gradients are known."""

import pytest
import torch
from torch import nn
from toys import mlp

from ganexp.networks.dcgan import DCGAN
from ganexp.networks.discriminator import DiscriminatorOutput
from ganexp.regularizers import GradientPenalty, SpectralNorm

REAL, FAKE = torch.randn(2, 5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
SLOPE = torch.tensor([1.0, -2.0, 0.5, 2.0])
NORM = SLOPE.norm().item()


class Linear(nn.Module):
    def forward(self, images, labels=None):
        return DiscriminatorOutput(images.flatten(1) @ SLOPE)


class Quadratic(nn.Module):
    """|x|^2 / 2, whose gradient is x."""

    def forward(self, images, labels=None):
        return DiscriminatorOutput(images.flatten(1).square().sum(1) / 2)


@pytest.mark.parametrize("where", ["real", "fake", "line", "around_real"])
@pytest.mark.parametrize(
    ("what", "expected"),
    [("norm_one", (NORM - 1) ** 2), ("norm_zero", NORM**2), ("at_most_one", max(0, NORM - 1) ** 2)],
)
def test_a_linear_critic_has_the_same_slope_everywhere(where, what, expected):
    penalty = GradientPenalty(where=where, what=what, weight=3.0).penalty(Linear(), REAL, FAKE, None)
    assert penalty.item() == pytest.approx(3 * expected, rel=1e-5)


@pytest.mark.parametrize(("where", "points"), [("real", REAL), ("fake", FAKE)])
def test_a_quadratic_critic_shows_at_which_pictures_the_slope_is_taken(where, points):
    penalty = GradientPenalty(where=where, what="norm_zero", weight=1.0).penalty(Quadratic(), REAL, FAKE, None)
    torch.testing.assert_close(penalty, points.flatten(1).square().sum(1).mean())


class Recording(Linear):
    def forward(self, images, labels=None):
        self.seen = images.detach()
        return super().forward(images)


def test_each_picture_of_a_line_has_its_own_share_of_real_and_fake():
    critic = Recording()
    GradientPenalty(where="line", what="norm_one", weight=1.0).penalty(critic, REAL, FAKE, None)
    shares = ((critic.seen - REAL) / (FAKE - REAL)).flatten(1)
    assert shares.min() >= 0 and shares.max() <= 1
    torch.testing.assert_close(shares, shares[:, :1].expand_as(shares), rtol=1e-3, atol=1e-3)
    assert shares[:, 0].std() > 0.01


def test_points_around_a_real_picture_are_near_but_not_equal():
    critic = Recording()
    GradientPenalty(where="around_real", what="norm_one", weight=1.0).penalty(critic, REAL, FAKE, None)
    moved = (critic.seen - REAL).flatten(1)
    assert moved.min() >= 0 and (moved.amax(1) > 0).all() and moved.max() < 0.5 * REAL.std()


def test_a_penalty_is_exact_although_the_rest_is_in_bf16():
    torch.manual_seed(0)
    discriminator = mlp().discriminator((1, 2, 2), 0, per_sample=True)
    penalty = GradientPenalty(where="real", what="norm_zero", weight=1.0)
    exact = penalty.penalty(discriminator, REAL, FAKE, None)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(penalty.penalty(discriminator, REAL, FAKE, None), exact)


def test_labels_move_a_spectrally_normed_discriminator_as_pictures_do():
    torch.manual_seed(0)
    discriminator = DCGAN(hidden=8, latent_dim=4, discriminator_norm="none").discriminator((3, 32, 32), 10, True)
    SpectralNorm().prepare(discriminator)
    images, others = torch.rand(2, 64, 3, 32, 32) * 2 - 1
    labels = torch.arange(64) % 10
    with torch.no_grad():
        logits, by_label, by_picture = (
            discriminator(x, y).logits for x, y in ((images, labels), (images, (labels + 1) % 10), (others, labels))
        )
    assert (by_label - logits).std() > 0.3 * (by_picture - logits).std()


def test_spectral_norm_brings_the_largest_singular_value_to_one():
    torch.manual_seed(0)
    discriminator = mlp().discriminator((1, 8, 8), 0, per_sample=False)
    SpectralNorm().prepare(discriminator)
    for _ in range(50):
        discriminator(torch.randn(4, 1, 8, 8))
    for module in discriminator.modules():
        if isinstance(module, nn.Linear):
            assert torch.linalg.matrix_norm(module.weight, 2).item() == pytest.approx(1, rel=1e-2)


def test_at_most_one_does_not_penalise_a_gentle_slope():
    class Gentle(nn.Module):
        def forward(self, images, labels=None):
            return DiscriminatorOutput(images.flatten(1) @ (SLOPE / (2 * NORM)))

    penalty = GradientPenalty(where="line", what="at_most_one", weight=3.0).penalty(Gentle(), REAL, FAKE, None)
    assert penalty.item() == 0
