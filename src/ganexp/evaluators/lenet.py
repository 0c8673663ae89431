"""The classifier of LeCun et al. 1998, which is built differently from `classifier.Architecture`."""

import math
from typing import ClassVar

from pydantic.dataclasses import dataclass
from torch import nn

from ganexp.errors import UserError
from ganexp.evaluators.classifier import Classifier, ClassifierOptions
from ganexp.fields import STRICT, Positive


@dataclass(frozen=True, config=STRICT)
class LeNet(ClassifierOptions):
    """Two convolutions of 5x5 pixels with tanh and mean pooling, then two fully connected layers. No BatchNorm.

    widths: channels of the convolutions, then units of the fully connected layers; LeNet-5 has (6, 16, 120, 84). The
        features are the units of the first fully connected layer. Those of the second one tell classes, but hardly
        anything else.
    """

    widths: tuple[Positive, Positive, Positive, Positive]

    kind: ClassVar[str] = "lenet"

    def network(self, shape: tuple[int, int, int], num_classes: int) -> Classifier:
        """UserError if the pictures are too small."""
        channels, *sides = shape
        first, second, features, joined = self.widths
        left = [(side // 2 - 4) // 2 for side in sides]
        if min(left) < 1:
            raise UserError(f"classifier.architecture: LeNet needs pictures of 12x12 pixels or more, not {shape[1:]}")
        body = nn.Sequential(
            *(nn.Conv2d(channels, first, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)),
            *(nn.Conv2d(first, second, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten()),
            *(nn.Linear(second * math.prod(left), features), nn.Tanh()),
        )
        head = nn.Sequential(nn.Linear(features, joined), nn.Tanh(), nn.Linear(joined, num_classes))
        return Classifier(body, head, channels)
