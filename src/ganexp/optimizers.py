"""Optimizers, with the fields that GAN papers name. An instance is called with the parameters."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Annotated

from annotated_types import Ge, Lt
from pydantic.dataclasses import dataclass
from torch import optim
from torch.nn import Parameter

from ganexp.fields import STRICT, PositiveFloat

Beta = Annotated[float, Ge(0), Lt(1)]


class OptimizerOptions(ABC):
    """The options of an optimizer, which makes one for given parameters."""

    @abstractmethod
    def __call__(self, parameters: Iterable[Parameter]) -> optim.Optimizer: ...


@dataclass(frozen=True, config=STRICT)
class Adam(OptimizerOptions):
    """Kingma and Ba 2015. `betas`: decay rates of the mean of the gradients, and of the mean of their squares."""

    lr: PositiveFloat
    betas: tuple[Beta, Beta]

    def __call__(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        return optim.Adam(parameters, lr=self.lr, betas=self.betas, fused=True)


@dataclass(frozen=True, config=STRICT)
class RMSprop(OptimizerOptions):
    """Tieleman and Hinton 2012. `betas`: momentum, and decay rate of the mean of the squared gradients.

    Unlike Adam's first beta, a momentum m makes the steps 1 / (1 - m) times as large.
    """

    lr: PositiveFloat
    betas: tuple[Beta, Beta]

    def __call__(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        momentum, alpha = self.betas
        return optim.RMSprop(parameters, lr=self.lr, alpha=alpha, momentum=momentum)
