"""Adversarial losses: pairs, one half for each network.

`discriminator(real, fake)` and `generator(fake, real)` take logits, float [B],
unbounded, and return a scalar to minimise. All work from logits and stay finite
for any finite logit. A loss of one's own is a class with these two methods.
"""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import relu, softplus

from ganexp.config import STRICT, Share


class Loss(ABC):
    compares: ClassVar[bool] = False
    """Whether the generator's half looks at real logits too."""

    @property
    def least(self) -> float | None:
        """What the discriminator's half cannot fall below, and nears as D wins; None if it has no bound."""
        return 0.0

    boundary: ClassVar[float] = 0.0
    """The logit at which D takes a picture for real as much as for fake."""

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor: ...

    @abstractmethod
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor: ...


@dataclass(frozen=True, config=STRICT)
class Minimax(Loss):
    """Goodfellow et al. 2014, eq. 1: both play for one value. G's gradient fades where D wins.

    `smoothing` (Salimans et al. 2016): D's target on real pictures is 1 - smoothing.
    """

    smoothing: Share = 0.0

    @property
    def least(self) -> float:
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
    """Mao et al. 2017, eq. 9: logits are drawn to 1 (real) and 0 (fake) by squares.

    `smoothing`: D's target on real pictures is 1 - smoothing.
    """

    smoothing: Share = 0.0
    boundary: ClassVar[float] = 0.5

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * ((real - (1 - self.smoothing)).square().mean() + fake.square().mean())

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return 0.5 * (fake - 1).square().mean()


@dataclass(frozen=True, config=STRICT)
class Wasserstein(Loss):
    """Arjovsky, Chintala and Bottou 2017, eq. 2: needs a regularizer that bounds D's slope."""

    @property
    def least(self) -> float | None:
        return None

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -fake.mean()


@dataclass(frozen=True, config=STRICT)
class Hinge(Wasserstein):
    """Lim and Ye 2017; Miyato et al. 2018, eq. 16: D stops at margin 1."""

    @property
    def least(self) -> float:
        return 0.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(1 - real).mean() + relu(1 + fake).mean()


@dataclass(frozen=True, config=STRICT)
class Relativistic(Loss):
    """RpGAN, Jolicoeur-Martineau 2019; Huang et al. 2024, eq. 2: only differences of pairs count."""

    compares: ClassVar[bool] = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real).mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None, "a loss that compares is given real logits"
        return softplus(real - fake).mean()
