"""Regularizers of the discriminator.

A regularizer acts at one of three points: once, when the networks are built (`prepare`); as a term of D's loss
(`penalty`); after each step of D's optimizer (`project`).
"""

from typing import ClassVar, Literal

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from ganexp.fields import STRICT, NonNegativeFloat, Positive, PositiveFloat
from ganexp.networks.discriminator import Discriminator
from ganexp.processes.collectives import drawn, standard_deviation


class Regularizer:
    """The base of all regularizers. A subclass overrides what it needs of `prepare`, `penalty` and `project`."""

    interval: Positive = 1
    """Updates of D between two penalties. The penalty's weight is multiplied by `interval`, so the mean stays the same
    (lazy regularization, Karras et al. 2020)."""

    batch_norm: ClassVar[Literal["taken", "avoided", "refused"]] = "taken"
    """What becomes of BatchNorm in D: "taken" if D may have it; "avoided" if BatchNorm weakens the regularizer, so D
    has none unless a user asks for it; "refused" if the regularizer needs D to judge each picture by itself."""

    def prepare(self, discriminator: Discriminator) -> None:
        """Change D once, before its first step."""

    def penalty(self, discriminator: Discriminator, real: Tensor, fake: Tensor, labels: Tensor | None) -> Tensor | None:
        """A scalar to add to D's loss, or None. real, fake: float [B, C, H, W] without gradient; labels: int64 [B].

        A mean over the batch is right in any number of processes. Draw random numbers by `collectives.drawn`.
        """
        return None

    def project(self, discriminator: Discriminator) -> None:
        """Bring D's parameters back into the set that is allowed, after a step."""


@dataclass(frozen=True, config=STRICT)
class GradientPenalty(Regularizer):
    """All gradient penalties: `where` D's gradient is taken, and `what` its norm should be.

    | paper                               | where       | what        |
    |-------------------------------------|-------------|-------------|
    | WGAN-GP (Gulrajani et al. 2017)     | line        | norm_one    |
    | WGAN-LP (Petzka et al. 2018)        | line        | at_most_one |
    | R1, R2 (Mescheder et al. 2018)      | real, fake  | norm_zero   |
    | DRAGAN (Kodali et al. 2017)         | around_real | norm_one    |

    `weight` multiplies the mean over the batch. It is the papers' lambda; for R1 and R2 it is gamma / 2.
    """

    where: Literal["real", "fake", "line", "around_real"]
    what: Literal["norm_one", "norm_zero", "at_most_one"]
    weight: NonNegativeFloat
    interval: Positive = 1
    batch_norm: ClassVar = "refused"

    def penalty(self, discriminator: Discriminator, real: Tensor, fake: Tensor, labels: Tensor | None) -> Tensor:
        # Second derivatives in half precision are noise, so the penalty is computed in float32 at any precision.
        with torch.autocast(real.device.type, enabled=False):
            points = _PLACES[self.where](real.float(), fake.float()).detach().requires_grad_()
            logits = discriminator(points, labels).logits
            (gradients,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
            return self.weight * _TARGETS[self.what](gradients.flatten(1).square().sum(1)).mean()


def _line(real: Tensor, fake: Tensor) -> Tensor:
    return torch.lerp(real, fake, _share(real))


def _around_real(real: Tensor, fake: Tensor) -> Tensor:
    """A random point between each picture and the same picture with noise, as in the authors' code."""
    share = _share(real)
    noise = drawn(lambda n: torch.rand(n, *real.shape[1:], device=real.device), len(real))
    return real + share * 0.5 * standard_deviation(real) * noise


def _share(real: Tensor) -> Tensor:
    """A random number for each picture, in [0, 1]: float [B, 1, 1, 1]."""
    return drawn(lambda n: torch.rand(n, 1, 1, 1, device=real.device), len(real))


_PLACES = {
    "real": lambda real, fake: real,
    "fake": lambda real, fake: fake,
    "line": _line,
    "around_real": _around_real,
}

# Functions of the squared norm, float [B]. The epsilon keeps the gradient of the root finite at 0.
_TARGETS = {
    "norm_zero": lambda squared: squared,
    "norm_one": lambda squared: ((squared + 1e-12).sqrt() - 1).square(),
    "at_most_one": lambda squared: ((squared + 1e-12).sqrt() - 1).relu().square(),
}


@dataclass(frozen=True, config=STRICT)
class WeightClip(Regularizer):
    """Every parameter of D stays in [-limit, limit] (Arjovsky et al. 2017)."""

    limit: PositiveFloat

    @torch.no_grad()
    def project(self, discriminator: Discriminator) -> None:
        parameters: list[Tensor] = list(discriminator.parameters())
        torch._foreach_clamp_min_(parameters, -self.limit)
        torch._foreach_clamp_max_(parameters, self.limit)


@dataclass(frozen=True, config=STRICT)
class SpectralNorm(Regularizer):
    """Each layer of D is divided by its largest singular value (Miyato et al. 2018).

    The gains of BatchNorm are not divided, so D's slope would have no bound.
    """

    batch_norm: ClassVar = "avoided"

    def prepare(self, discriminator: Discriminator) -> None:
        for module in list(discriminator.modules()):
            # The label map is an input, not a layer: with norm 1 it would be far smaller than the picture.
            if isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding) and module is not discriminator.label_map:
                parametrizations.spectral_norm(module)
