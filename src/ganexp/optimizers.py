"""Optimizers, by the fields that GAN papers name. Each is called with the parameters."""

from collections.abc import Iterable
from typing import Annotated

from annotated_types import Ge, Lt
from pydantic.dataclasses import dataclass
from torch import optim
from torch.nn import Parameter

from ganexp.config import STRICT, PositiveFloat

Beta = Annotated[float, Ge(0), Lt(1)]


@dataclass(frozen=True, config=STRICT)
class Adam:
    """Kingma and Ba 2015. `betas`: decay of the mean and of the squares of the gradients."""

    lr: PositiveFloat = 2e-4
    betas: tuple[Beta, Beta] = (0.5, 0.999)

    def __call__(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        return optim.Adam(parameters, lr=self.lr, betas=self.betas, fused=True)


@dataclass(frozen=True, config=STRICT)
class RMSprop:
    """Tieleman and Hinton 2012. `betas`: momentum, and decay of the squares of the gradients."""

    lr: PositiveFloat = 5e-5
    betas: tuple[Beta, Beta] = (0.0, 0.99)

    def __call__(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        momentum, alpha = self.betas
        return optim.RMSprop(parameters, lr=self.lr, alpha=alpha, momentum=momentum)
