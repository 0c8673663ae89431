"""The classifiers whose features and classes the figures are made of."""

import math
from typing import Annotated

import torch
from annotated_types import MinLen
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import pad, unfold

from ganexp.config import STRICT, Positive


@dataclass(frozen=True, config=STRICT)
class Architecture:
    """widths: channels of each block, which halves the picture. pooled: the features are the last map's maxima, which
    serve the classes best; else the whole map, which sees where things are. whitened: fixed filters that whiten
    patches come before the blocks, and kernels start as the identity: colours are learned sooner (Jordan 2024).
    residual: a block has three convolutions, with a connection past the last two (He et al. 2016), else two.
    two_views: once trained, the features are the mean of those of the picture one pixel down and right and of its
    mirror image's one pixel up and right, which tell classes better than one view does.
    """

    widths: Annotated[tuple[Positive, ...], MinLen(1)]
    pooled: bool
    whitened: bool = False
    residual: bool = False
    two_views: bool = False


class Whitening(nn.Conv2d):
    """Fixed filters, and their negatives, that make the values of 2x2 pixels equally large and uncorrelated."""

    def __init__(self, channels: int):
        super().__init__(channels, 2 * 4 * channels, kernel_size=2, bias=False)
        self.requires_grad_(False)

    @torch.no_grad()
    def fit(self, images: Tensor) -> None:
        """Take the filters from some pictures [B, C, H, W] of mean 0."""
        patches = unfold(images, 2).transpose(1, 2).flatten(0, 1)
        variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
        # Without the 0.05, noise that nobody sees would fill the directions in which pictures hardly differ.
        filters = (directions / (variances + 0.05).sqrt()).T.view(-1, *self.weight.shape[1:])
        self.weight.copy_(torch.cat([filters, -filters]))


class Residual(nn.Sequential):
    """What its layers give, added to what they take."""

    def forward(self, input: Tensor) -> Tensor:
        return input + super().forward(input)


class Classifier(nn.Module):
    """Blocks of convolutions with max pooling, BatchNorm and GELU, and a linear head (Page 2019; Jordan 2024).

    Takes pictures as float [B, C, H, W] in [-1, 1], gives (features [B, F], logits [B, classes]).
    """

    def __init__(self, architecture: Architecture, shape: tuple[int, int, int], classes: int):
        super().__init__()
        channels, *sides = shape
        self.mean = nn.Buffer(torch.zeros(channels, 1, 1))
        self.deviation = nn.Buffer(torch.ones(channels, 1, 1))
        self.two_views = architecture.two_views

        def convolution(channels: int, width: int) -> nn.Conv2d:
            layer = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            if architecture.whitened:
                nn.init.dirac_(layer.weight.data[:channels])
            return layer

        layers: list[nn.Module] = []
        if architecture.whitened:
            whitening = Whitening(channels)
            layers += [whitening, nn.GELU()]
            channels, sides = whitening.out_channels, [side - 1 for side in sides]
        for width in architecture.widths:
            layers += [convolution(channels, width), nn.MaxPool2d(2), nn.BatchNorm2d(width), nn.GELU()]
            rest: list[nn.Module] = [convolution(width, width), nn.BatchNorm2d(width)]
            if architecture.residual:
                rest = [Residual(*rest, nn.GELU(), convolution(width, width), nn.BatchNorm2d(width))]
            layers += [*rest, nn.GELU()]
            channels, sides = width, [side // 2 for side in sides]
        pool = [nn.AdaptiveMaxPool2d(1)] * architecture.pooled
        self.body = nn.Sequential(*layers, *pool, nn.Flatten())
        self.features = channels if architecture.pooled else channels * math.prod(sides)
        self.head = nn.Sequential(nn.Dropout(0.0 if architecture.pooled else 0.3), nn.Linear(self.features, classes))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        images = (images - self.mean) / self.deviation
        if self.two_views and not self.training:
            padded = pad(images, (1, 1, 1, 1), mode="reflect")
            features = (self.body(padded[..., :-2, :-2]) + self.body(padded[..., 2:, 2:].flip(-1))) / 2
        else:
            features = self.body(images)
        return features, self.head(features) / 8  # Logits start small, whatever the features' size.

    @torch.no_grad()
    def scale(self, images: Tensor) -> None:
        """Take the mean and deviation of each channel, and what whitens patches, from some pictures."""
        self.mean.copy_(images.mean((0, 2, 3)).view(-1, 1, 1))
        self.deviation.copy_(images.std((0, 2, 3)).view(-1, 1, 1))
        first = self.body[0]
        if isinstance(first, Whitening):
            first.fit((images - self.mean) / self.deviation)
