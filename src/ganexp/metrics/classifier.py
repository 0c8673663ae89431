"""The classifiers whose features and classes the figures are made of, and how one is trained."""

import math
import sys
from typing import Annotated

import torch
from annotated_types import Lt, MinLen
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from ganexp.augment import translation
from ganexp.config import STRICT, NonNegative, NonNegativeFloat, Positive, PositiveFloat, Share
from ganexp.data.batches import Batches
from ganexp.data.dataset import Pictures


@dataclass(frozen=True, config=STRICT)
class Architecture:
    """widths: channels of each block, which halves the picture. pooled: the features are the last map's maxima,
    which serve the classes best; else the whole map, which sees where things are."""

    widths: Annotated[tuple[Positive, ...], MinLen(1)]
    pooled: bool


class Classifier(nn.Module):
    """Blocks of two convolutions with max pooling, BatchNorm and GELU (Page 2019; Jordan 2024), and a linear head.

    Takes pictures as float [B, C, H, W] in [-1, 1], gives (features [B, F], logits [B, classes]).
    """

    def __init__(self, architecture: Architecture, shape: tuple[int, int, int], classes: int):
        super().__init__()
        channels, *sides = shape
        self.mean = nn.Buffer(torch.zeros(channels, 1, 1))
        self.deviation = nn.Buffer(torch.ones(channels, 1, 1))
        layers: list[nn.Module] = []
        for width in architecture.widths:
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(width)]
            layers += [nn.GELU(), nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.GELU()]
            channels, sides = width, [side // 2 for side in sides]
        pool = [nn.AdaptiveMaxPool2d(1)] * architecture.pooled
        self.body = nn.Sequential(*layers, *pool, nn.Flatten())
        self.features = channels if architecture.pooled else channels * math.prod(sides)
        self.head = nn.Sequential(nn.Dropout(0.0 if architecture.pooled else 0.3), nn.Linear(self.features, classes))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body((images - self.mean) / self.deviation)
        return features, self.head(features) / 8  # Logits start small, whatever the features' size.


@dataclass(frozen=True, config=STRICT)
class Recipe:
    """How a classifier is trained: Nesterov's SGD, its rate up to `lr` and down to 0.

    shift: pictures are moved by up to an eighth of their side.
    """

    epochs: Positive
    batch_size: Positive
    lr: PositiveFloat
    weight_decay: NonNegativeFloat
    label_smoothing: Annotated[Share, Lt(1)]
    shift: bool
    seed: NonNegative = 0


def train(
    architecture: Architecture, recipe: Recipe, pictures: Pictures, flip: bool, device: torch.device
) -> Classifier:
    """A trained classifier, in eval mode. Seeds torch's RNG; shows a bar on a terminal."""
    assert pictures.labels is not None
    torch.manual_seed(recipe.seed)
    network = Classifier(architecture, pictures.shape, len(pictures.classes))
    batches = Batches(pictures, recipe.batch_size, recipe.seed, device, flip)
    scaled = pictures.images / 127.5 - 1
    network.mean.copy_(scaled.mean((0, 2, 3)).view(-1, 1, 1))
    network.deviation.copy_(scaled.std((0, 2, 3)).view(-1, 1, 1))
    del scaled
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    total = recipe.epochs * batches.per_epoch
    optimizer = torch.optim.SGD(
        network.parameters(), lr=recipe.lr, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay
    )
    rise = 0.2 * total
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rise, (total - step) / (total - rise))
    )
    for step in tqdm(range(total), desc="training", disable=not sys.stderr.isatty(), leave=False):
        images, labels = batches[step]
        assert labels is not None
        images = translation(images) if recipe.shift else images
        _, logits = network(images.contiguous(memory_format=torch.channels_last))
        loss = cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()
