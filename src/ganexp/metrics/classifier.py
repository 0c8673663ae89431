"""The classifiers whose features and classes the figures are made of, and how one is trained."""

import math
import sys
from typing import Annotated

import numpy as np
import torch
from annotated_types import Lt, MinLen
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from ganexp.config import STRICT, NonNegative, NonNegativeFloat, Positive, PositiveFloat, Share
from ganexp.data.batches import Batches
from ganexp.data.dataset import Pictures


@dataclass(frozen=True, config=STRICT)
class Architecture:
    """stem: channels of a first convolution that whitens patches of 2x2; 0 leaves it out.

    widths: channels of each block, which halves the picture. pooled: the features are the last map's maxima, which
    serve the classes best; else the whole map, which sees where things are.
    """

    stem: NonNegative
    widths: Annotated[tuple[Positive, ...], MinLen(1)]
    pooled: bool


class Classifier(nn.Module):
    """Blocks of two convolutions with max pooling, BatchNorm and GELU, and a linear head (Page 2019; Jordan 2024).

    Takes pictures as float [B, C, H, W] in [-1, 1], gives (features [B, F], logits [B, classes]).
    """

    def __init__(self, architecture: Architecture, shape: tuple[int, int, int], classes: int):
        super().__init__()
        channels, *sides = shape
        self.mean = nn.Buffer(torch.zeros(channels, 1, 1))
        self.deviation = nn.Buffer(torch.ones(channels, 1, 1))
        layers: list[nn.Module] = []
        self.stem = nn.Conv2d(channels, architecture.stem, 2) if architecture.stem else None
        if self.stem is not None:
            layers += [self.stem, nn.GELU()]
            channels, sides = architecture.stem, [side - 1 for side in sides]
        for width in architecture.widths:
            layers += [
                nn.Conv2d(channels, width, 3, padding=1, bias=False),
                nn.MaxPool2d(2),
                nn.BatchNorm2d(width),
                nn.GELU(),
            ]
            layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.GELU()]
            channels, sides = width, [side // 2 for side in sides]
        pool = [nn.AdaptiveMaxPool2d(1)] * architecture.pooled
        self.body = nn.Sequential(*layers, *pool, nn.Flatten())
        self.features = channels if architecture.pooled else channels * math.prod(sides)
        self.head = nn.Sequential(nn.Dropout(0.0 if architecture.pooled else 0.3), nn.Linear(self.features, classes))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body((images - self.mean) / self.deviation)
        return features, self.head(features) / 8  # Logits start small, whatever the features' size.

    @torch.no_grad()
    def prepare(self, images: Tensor) -> None:
        """Set what is not learned by gradients, from some pictures: the scale of channels, the stem's weights."""
        self.mean.copy_(images.mean((0, 2, 3)).view(-1, 1, 1))
        self.deviation.copy_(images.std((0, 2, 3)).view(-1, 1, 1))
        if self.stem is not None:
            patches = nn.functional.unfold((images - self.mean) / self.deviation, 2).transpose(1, 2).flatten(0, 1)
            values, directions = torch.linalg.eigh(torch.cov(patches.T))
            filters = (directions / (values + 5e-4).sqrt()).T.flip(0).view(-1, *self.stem.weight.shape[1:])
            filters = torch.cat((filters, -filters))[: len(self.stem.weight)]
            self.stem.weight[: len(filters)] = filters
            self.stem.weight.requires_grad_(False)


@dataclass(frozen=True, config=STRICT)
class Recipe:
    """How a classifier is trained: Nesterov's SGD, whose rate rises to `lr` and falls again.

    shift: pictures are moved by up to so many pixels.
    """

    epochs: Positive
    batch_size: Positive
    lr: PositiveFloat
    weight_decay: NonNegativeFloat
    label_smoothing: Annotated[Share, Lt(1)]
    shift: NonNegative
    seed: NonNegative = 0


def train(
    architecture: Architecture, recipe: Recipe, pictures: Pictures, flip: bool, device: torch.device
) -> Classifier:
    """A trained classifier, in eval mode. Seeds torch's RNG; shows a bar on a terminal."""
    assert pictures.labels is not None
    torch.manual_seed(recipe.seed)
    network = Classifier(architecture, pictures.shape, len(pictures.classes))
    network.prepare(pictures.images[:5000] / 127.5 - 1)
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batches = Batches(pictures, recipe.batch_size, recipe.seed, device, flip)
    total = recipe.epochs * batches.per_epoch
    learned = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learned, lr=recipe.lr, momentum=0.85, nesterov=True, weight_decay=recipe.weight_decay)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: np.interp(step / total, (0, 0.23, 1), (0.2, 1, 0.03)).item()
    )
    for step in tqdm(range(total), desc="training", disable=not sys.stderr.isatty(), leave=False):
        images, labels = batches[step]
        assert labels is not None
        images = _shifted(images, recipe.shift) if recipe.shift else images
        _, logits = network(images.contiguous(memory_format=torch.channels_last))
        loss = cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
    return network.eval()


def _shifted(images: Tensor, reach: int) -> Tensor:
    """Each picture moved by up to `reach` pixels along both sides; what comes in is a mirror image."""
    size, channels, height, width = images.shape
    padded = nn.functional.pad(images, (reach, reach, reach, reach), mode="reflect")
    down, right = torch.randint(2 * reach + 1, (2, size, 1), device=images.device)
    rows, columns = down + torch.arange(height, device=images.device), right + torch.arange(width, device=images.device)
    picture = torch.arange(size, device=images.device).view(-1, 1, 1, 1)
    channel = torch.arange(channels, device=images.device).view(1, -1, 1, 1)
    return padded[picture, channel, rows[:, None, :, None], columns[:, None, None, :]]
