"""A classifier without convolutions, which sees pictures otherwise than the others do."""

import math
from typing import Annotated, ClassVar

from annotated_types import MinLen
from pydantic.dataclasses import dataclass
from torch import nn

from ganexp.config import STRICT, Positive
from ganexp.evaluators.classifier import Classifier, ClassifierOptions


@dataclass(frozen=True, config=STRICT)
class Perceptron(ClassifierOptions):
    """Layers that join every pixel to every unit, with BatchNorm and GELU.

    widths: units of each layer. The features are the units of the last one.
    """

    widths: Annotated[tuple[Positive, ...], MinLen(1)]

    kind: ClassVar[str] = "perceptron"

    def network(self, shape: tuple[int, int, int], num_classes: int) -> Classifier:
        layers: list[nn.Module] = [nn.Flatten()]
        size = math.prod(shape)
        for width in self.widths:
            layers += [nn.Linear(size, width, bias=False), nn.BatchNorm1d(width), nn.GELU()]
            size = width
        return Classifier(nn.Sequential(*layers), shape[0], size, num_classes)
