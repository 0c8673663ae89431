"""The network of an evaluator, and the architecture that most evaluators have: convolutions."""

import math
from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import MinLen
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import pad, unfold

from ganexp.errors import UserError
from ganexp.fields import STRICT, Positive


class ClassifierOptions(ABC):
    """The keys below `classifier.architecture`. kind: what a card calls the architecture."""

    kind: ClassVar[str]

    @abstractmethod
    def network(self, shape: tuple[int, int, int], num_classes: int) -> "Classifier":
        """A classifier of pictures of that shape (channels, height, width), with fresh weights."""

    def described(self) -> dict[str, Any]:
        """The architecture as it stands in a card."""
        return {"kind": self.kind} | vars(self)


@dataclass(frozen=True, config=STRICT)
class Architecture(ClassifierOptions):
    """Blocks of convolutions with max pooling, BatchNorm and GELU (Page 2019; Jordan 2024).

    widths: channels of each block. A block halves the picture.
    pooled: if true, the features are the maxima of the last map, which tell classes apart best. If false, they are the
        whole last map, which also tells where things are.
    whitened: before the blocks, fixed filters whiten patches, and kernels start as the identity. The network then
        learns colours sooner (Jordan 2024).
    residual: a block has three convolutions, with a connection past the last two (He et al. 2016), instead of two.
    two_views: after the training, the features are the mean of two views: the picture moved one pixel down and right,
        and its mirror image moved one pixel up and right. Two views tell classes apart better than one.
    """

    widths: Annotated[tuple[Positive, ...], MinLen(1)]
    pooled: bool
    whitened: bool = False
    residual: bool = False
    two_views: bool = False

    kind: ClassVar[str] = "convolutions"

    def network(self, shape: tuple[int, int, int], num_classes: int) -> "Classifier":
        """UserError if the pictures are too small."""
        channels, *sides = shape
        smallest = 2 ** len(self.widths) + self.whitened
        if min(sides) < smallest:
            raise UserError(
                f"classifier.architecture: {len(self.widths)} widths need pictures of {smallest}x{smallest} pixels or "
                f"more, not {shape[1:]}: give fewer classifier.architecture.widths"
            )

        def convolution(channels: int, width: int) -> nn.Conv2d:
            layer = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            if self.whitened:
                nn.init.dirac_(layer.weight.data[:channels])
            return layer

        layers: list[nn.Module] = []
        if self.whitened:
            whitening = Whitening(channels)
            layers += [whitening, nn.GELU()]
            channels, sides = whitening.out_channels, [side - 1 for side in sides]
        for width in self.widths:
            layers += [convolution(channels, width), nn.MaxPool2d(2), nn.BatchNorm2d(width), nn.GELU()]
            rest: list[nn.Module] = [convolution(width, width), nn.BatchNorm2d(width)]
            if self.residual:
                rest = [Residual(*rest, nn.GELU(), convolution(width, width), nn.BatchNorm2d(width))]
            layers += [*rest, nn.GELU()]
            channels, sides = width, [side // 2 for side in sides]
        body = nn.Sequential(*layers, *[nn.AdaptiveMaxPool2d(1)] * self.pooled, nn.Flatten())
        num_features = channels if self.pooled else channels * math.prod(sides)
        head = nn.Sequential(nn.Dropout(0.0 if self.pooled else 0.3), nn.Linear(num_features, num_classes))
        return Classifier(body, head, shape[0], self.two_views)


class Whitening(nn.Conv2d):
    """Fixed filters and their negatives. They make the values of 2x2 pixels equally large and uncorrelated."""

    def __init__(self, channels: int):
        super().__init__(channels, 2 * 4 * channels, kernel_size=2, bias=False)
        self.requires_grad_(False)

    @torch.no_grad()
    def fit(self, images: Tensor) -> None:
        """Compute the filters from pictures, float [B, C, H, W] of mean 0."""
        patches = unfold(images, 2).transpose(1, 2).flatten(0, 1)
        variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
        # Pictures hardly vary in some directions. Without the 0.05, invisible noise would be amplified there.
        filters = (directions / (variances + 0.05).sqrt()).T.view(-1, *self.weight.shape[1:])
        self.weight.copy_(torch.cat([filters, -filters]))


class Residual(nn.Sequential):
    """Adds the output of its layers to their input."""

    def forward(self, input: Tensor) -> Tensor:
        return input + super().forward(input)


class Classifier(nn.Module):
    """A body that makes features of pictures, and a head that tells classes by them.

    The input is float [B, C, H, W] in [-1, 1], the output (features float [B, F], logits float [B, K]).
    """

    def __init__(self, body: nn.Sequential, head: nn.Sequential, channels: int, two_views: bool = False):
        super().__init__()
        self.mean = nn.Buffer(torch.zeros(channels, 1, 1))
        self.deviation = nn.Buffer(torch.ones(channels, 1, 1))
        self.body, self.head, self.two_views = body, head, two_views

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        images = (images - self.mean) / self.deviation
        if self.two_views and not self.training:
            padded = pad(images, (1, 1, 1, 1), mode="reflect")
            features = (self.body(padded[..., :-2, :-2]) + self.body(padded[..., 2:, 2:].flip(-1))) / 2
        else:
            features = self.body(images)
        return features, self.head(features) / 8  # The division keeps the first logits small.

    @torch.no_grad()
    def scale(self, images: Tensor) -> None:
        """Compute the channels' mean and deviation, and the whitening filters, from pictures in [-1, 1]."""
        self.mean.copy_(images.mean((0, 2, 3)).view(-1, 1, 1))
        # A channel that is constant has deviation 0.
        self.deviation.copy_(images.std((0, 2, 3)).clamp(min=1e-3).view(-1, 1, 1))
        first = self.body[0]
        if isinstance(first, Whitening):
            first.fit((images - self.mean) / self.deviation)
