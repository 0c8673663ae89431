"""Adversarial losses. Each is a pair: one half for D, one half for G.

`discriminator(real, fake)` and `generator(fake, real)` take logits, float [B], unbounded, and return a scalar to
minimise. No exponential overflows, however large the logits are. A new loss is a class with these two methods.
"""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import relu, softplus

from ganexp.fields import STRICT, Share


class Loss(ABC):
    """The base of all losses."""

    needs_real: ClassVar[bool] = False
    """Whether G's half needs the logits of real pictures too."""

    is_log_odds: ClassVar[bool] = False
    """Whether D's logits become log odds, so that the sigmoid of a logit is the probability of a real picture."""

    @property
    def boundary(self) -> float | None:
        """The logit of a picture for which D cannot decide between real and fake; None if only differences of logits
        count."""
        return 0.0

    @property
    def minimum(self) -> float | None:
        """The lower bound of D's half, which it approaches as D wins; None if there is no bound."""
        return 0.0

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What D minimises, a scalar. real, fake: D's logits, float [B]."""

    @abstractmethod
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """What G minimises, a scalar. fake, real: D's logits, float [B]; `real` is None unless `needs_real`."""


@dataclass(frozen=True, config=STRICT)
class Minimax(Loss):
    """Goodfellow et al. 2014, eq. 1: G maximises what D minimises. G's gradient vanishes where D wins.

    `smoothing` (Salimans et al. 2016): D's target on real pictures is 1 - smoothing.
    """

    smoothing: Share = 0.0
    is_log_odds: ClassVar[bool] = True

    @property
    def boundary(self) -> float:
        return math.log((1 - self.smoothing) / (1 + self.smoothing)) if self.smoothing < 1 else -math.inf

    @property
    def minimum(self) -> float:
        return -sum(p * math.log(p) for p in (self.smoothing, 1 - self.smoothing) if p)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        loss = (softplus(-real) + softplus(fake)).mean()
        # BCE of target t from a logit x is softplus(-x) + (1 - t) x.
        return loss + self.smoothing * real.mean() if self.smoothing else loss

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -softplus(fake).mean()


@dataclass(frozen=True, config=STRICT)
class NonSaturating(Minimax):
    """Goodfellow et al. 2014, section 3: G maximises log D(G(z)); binary cross-entropy."""

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return softplus(-fake).mean()


@dataclass(frozen=True, config=STRICT)
class LeastSquares(Loss):
    """Mao et al. 2017, eq. 9: squared distances of the logits from 1 (real) and 0 (fake).

    `smoothing`: D's target on real pictures is 1 - smoothing.
    """

    smoothing: Share = 0.0

    @property
    def boundary(self) -> float:
        return (1 - self.smoothing) / 2

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * ((real - (1 - self.smoothing)).square().mean() + fake.square().mean())

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return 0.5 * (fake - 1).square().mean()


@dataclass(frozen=True, config=STRICT)
class Wasserstein(Loss):
    """Arjovsky, Chintala and Bottou 2017, eq. 2. A regularizer must bound D's slope."""

    @property
    def boundary(self) -> None:
        return None

    @property
    def minimum(self) -> float | None:
        return None

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -fake.mean()


@dataclass(frozen=True, config=STRICT)
class Hinge(Loss):
    """Lim and Ye 2017; Miyato et al. 2018, eq. 16: D gains nothing beyond a margin of 1."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -fake.mean()


@dataclass(frozen=True, config=STRICT)
class Relativistic(Loss):
    """RpGAN, Jolicoeur-Martineau 2019; Huang et al. 2024, eq. 2: D judges differences of real and fake logits."""

    needs_real: ClassVar[bool] = True

    @property
    def boundary(self) -> None:
        return None

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real).mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None, "needs_real is set, so the caller passes the real logits"
        return softplus(real - fake).mean()
