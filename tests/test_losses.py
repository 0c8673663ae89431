"""Each half of each loss against its paper's formula, in float64."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy as bce

from ganexp.losses import Hinge, LeastSquares, Minimax, NonSaturating, Relativistic, Wasserstein

torch.manual_seed(0)
REAL, FAKE = torch.randn(2, 64, dtype=torch.float64) * 3
P, Q = REAL.sigmoid(), FAKE.sigmoid()
ONE, ZERO = torch.ones_like(P), torch.zeros_like(P)
BOTH = bce(P, ONE) + bce(Q, ZERO)

FORMULAS = {
    "minimax": (Minimax(), BOTH, (1 - Q).log().mean()),
    "non_saturating": (NonSaturating(), BOTH, -Q.log().mean()),
    "smoothed": (NonSaturating(smoothing=0.1), bce(P, 0.9 * ONE) + bce(Q, ZERO), -Q.log().mean()),
    "smoothed_squares": (
        LeastSquares(smoothing=0.1),
        ((REAL - 0.9) ** 2 + FAKE**2).mean() / 2,
        ((FAKE - 1) ** 2).mean() / 2,
    ),
    "least_squares": (LeastSquares(), ((REAL - 1) ** 2 + FAKE**2).mean() / 2, ((FAKE - 1) ** 2).mean() / 2),
    "hinge": (Hinge(), (1 - REAL).clamp(min=0).mean() + (1 + FAKE).clamp(min=0).mean(), -FAKE.mean()),
    "wasserstein": (Wasserstein(), FAKE.mean() - REAL.mean(), -FAKE.mean()),
    "relativistic": (Relativistic(), -(REAL - FAKE).sigmoid().log().mean(), -(FAKE - REAL).sigmoid().log().mean()),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_loss_is_its_formula(name):
    loss, discriminator, generator = FORMULAS[name]
    torch.testing.assert_close(loss.discriminator(REAL, FAKE), discriminator)
    torch.testing.assert_close(loss.generator(FAKE, REAL), generator)


FAR = 1e4
EXTREMES = {
    "minimax": (2 * FAR, -FAR),
    "non_saturating": (2 * FAR, 0),
    "smoothed": (0.9 * FAR + FAR, 0),
    "smoothed_squares": (((FAR + 0.9) ** 2 + FAR**2) / 2, (FAR - 1) ** 2 / 2),
    "least_squares": (((FAR + 1) ** 2 + FAR**2) / 2, (FAR - 1) ** 2 / 2),
    "hinge": (2 * (FAR + 1), -FAR),
    "wasserstein": (2 * FAR, -FAR),
    "relativistic": (2 * FAR, 0),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_loss_is_exact_where_d_is_as_wrong_as_can_be(name):
    """Where a formula with exp or log would overflow: real at -10,000, fake at 10,000, and the other way round."""
    loss = FORMULAS[name][0]
    low, high = (torch.full((4,), far, dtype=torch.float64, requires_grad=True) for far in (-FAR, FAR))
    discriminator, generator = loss.discriminator(low, high), loss.generator(high, low)
    assert discriminator.item() == pytest.approx(EXTREMES[name][0]) and generator.item() == pytest.approx(
        EXTREMES[name][1]
    )
    turned = loss.discriminator(high, low) + loss.generator(low, high)
    (discriminator + generator + turned).backward()
    assert turned.isfinite() and low.grad.isfinite().all() and high.grad.isfinite().all()


@pytest.mark.parametrize("name", FORMULAS)
def test_a_loss_has_a_boundary_unless_only_differences_of_logits_count(name):
    loss = FORMULAS[name][0]
    moved = loss.discriminator(REAL + 3, FAKE + 3) - loss.discriminator(REAL, FAKE)
    assert (loss.boundary is None) == (moved.abs().item() < 1e-6)


@pytest.mark.parametrize("kind", [NonSaturating, LeastSquares])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_d_gives_the_boundary_to_a_picture_that_is_as_likely_real_as_fake(kind, smoothing):
    loss = kind(smoothing=smoothing)

    def at(logit):
        return loss.discriminator(torch.tensor([logit], dtype=torch.float64), torch.tensor([logit])).item()

    assert at(loss.boundary) < min(at(loss.boundary - 0.01), at(loss.boundary + 0.01))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_d_s_loss_is_lowest_where_d_is_as_sure_as_its_targets(smoothing):
    loss = NonSaturating(smoothing=smoothing)
    real = torch.logit(torch.tensor([1 - smoothing or 1.0], dtype=torch.float64), eps=1e-12)
    assert loss.discriminator(real, torch.tensor([-50.0])).item() == pytest.approx(loss.minimum, abs=1e-6)
    assert loss.discriminator(real + 1, torch.tensor([-50.0])) >= loss.minimum
    assert loss.discriminator(real - 1, torch.tensor([-50.0])) > loss.minimum


@pytest.mark.parametrize("name", FORMULAS)
def test_no_loss_of_d_is_below_its_lower_bound(name):
    loss = FORMULAS[name][0]
    if loss.minimum is not None:
        assert loss.discriminator(REAL, FAKE) >= loss.minimum
    else:
        assert loss.discriminator(REAL + FAR, FAKE) < -FAR / 2


@pytest.mark.parametrize("name", FORMULAS)
def test_a_loss_says_whether_its_generator_needs_real_pictures(name):
    loss = FORMULAS[name][0]
    if loss.needs_real:
        with pytest.raises(AssertionError, match="needs_real"):
            loss.generator(FAKE, None)
    else:
        assert torch.equal(loss.generator(FAKE, None), loss.generator(FAKE, REAL))
