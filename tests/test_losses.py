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


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("extreme", [1e4, -1e4])
def test_a_loss_and_its_gradients_stay_finite(name, extreme):
    loss = FORMULAS[name][0]
    real = torch.full((4,), extreme, requires_grad=True)
    fake = torch.full((4,), -extreme, requires_grad=True)
    total = loss.discriminator(real, fake) + loss.generator(fake, real)
    total.backward()
    assert total.isfinite() and fake.grad.isfinite().all()
