"""The classifiers whose features and classes the figures are made of, and how one is trained."""

import math
import sys
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Lt, MinLen
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, unfold
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from ganexp.config import STRICT, NonNegative, NonNegativeFloat, Positive, PositiveFloat, Share
from ganexp.data.batches import Batches
from ganexp.data.dataset import Pictures
from ganexp.errors import UserError


@dataclass(frozen=True, config=STRICT)
class Architecture:
    """widths: channels of each block, which halves the picture. pooled: the features are the last map's maxima, which
    serve the classes best; else the whole map, which sees where things are. whitened: fixed filters that whiten
    patches come before the blocks, and kernels start as the identity: colours are learned sooner (Jordan 2024).
    mirrored: once trained, the features are the mean of a picture's and its mirror image's, which tell classes better.
    """

    widths: Annotated[tuple[Positive, ...], MinLen(1)]
    pooled: bool
    whitened: bool = False
    mirrored: bool = False


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


class Classifier(nn.Module):
    """Blocks of two convolutions with max pooling, BatchNorm and GELU, and a linear head (Page 2019; Jordan 2024).

    Takes pictures as float [B, C, H, W] in [-1, 1], gives (features [B, F], logits [B, classes]).
    """

    def __init__(self, architecture: Architecture, shape: tuple[int, int, int], classes: int):
        super().__init__()
        channels, *sides = shape
        self.mean = nn.Buffer(torch.zeros(channels, 1, 1))
        self.deviation = nn.Buffer(torch.ones(channels, 1, 1))
        self.mirrored = architecture.mirrored
        layers: list[nn.Module] = []
        if architecture.whitened:
            whitening = Whitening(channels)
            layers += [whitening, nn.GELU()]
            channels, sides = whitening.out_channels, [side - 1 for side in sides]
        for width in architecture.widths:
            first = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            second = nn.Conv2d(width, width, 3, padding=1, bias=False)
            if architecture.whitened:
                nn.init.dirac_(first.weight.data[:channels])
                nn.init.dirac_(second.weight)
            layers += [first, nn.MaxPool2d(2), nn.BatchNorm2d(width), nn.GELU()]
            layers += [second, nn.BatchNorm2d(width), nn.GELU()]
            channels, sides = width, [side // 2 for side in sides]
        pool = [nn.AdaptiveMaxPool2d(1)] * architecture.pooled
        self.body = nn.Sequential(*layers, *pool, nn.Flatten())
        self.features = channels if architecture.pooled else channels * math.prod(sides)
        self.head = nn.Sequential(nn.Dropout(0.0 if architecture.pooled else 0.3), nn.Linear(self.features, classes))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        images = (images - self.mean) / self.deviation
        features = self.body(images)
        if self.mirrored and not self.training:
            features = (features + self.body(images.flip(-1))) / 2
        return features, self.head(features) / 8  # Logits start small, whatever the features' size.

    @torch.no_grad()
    def scale(self, images: Tensor) -> None:
        """Take the mean and deviation of each channel, and what whitens patches, from some pictures."""
        self.mean.copy_(images.mean((0, 2, 3)).view(-1, 1, 1))
        self.deviation.copy_(images.std((0, 2, 3)).view(-1, 1, 1))
        first = self.body[0]
        if isinstance(first, Whitening):
            first.fit((images - self.mean) / self.deviation)


@dataclass(frozen=True, config=STRICT)
class Recipe:
    """How a classifier is trained: Nesterov's SGD, whose rate rises to `lr` and falls again, on pictures that are moved
    by up to `shift` pixels and lose a square of `cutout` (DeVries and Taylor 2017). 0 leaves either out.

    average: decay of the running average of the weights, which is what is kept (Polyak and Juditsky 1992). shift_rate:
    BatchNorm's shifts learn at this times `lr`, and its gains stay 1 (Jordan 2024): weight decay would shrink them
    until GELU is all but linear. 0 trains both as the kernels.
    """

    epochs: Positive
    batch_size: Positive
    lr: PositiveFloat
    weight_decay: NonNegativeFloat
    label_smoothing: Annotated[Share, Lt(1)]
    shift: NonNegative
    cutout: NonNegative = 0
    average: Annotated[Share, Lt(1)] = 0
    shift_rate: NonNegativeFloat = 0
    seed: NonNegative = 0


def train(
    architecture: Architecture, recipe: Recipe, pictures: Pictures, flip: bool, device: torch.device
) -> Classifier:
    """A trained classifier, in eval mode. Seeds torch's RNG; shows a bar on a terminal."""
    assert pictures.labels is not None
    if len(pictures.images) < recipe.batch_size:
        raise UserError(
            f"classifier.recipe.batch_size={recipe.batch_size}: there are {len(pictures.images)} pictures to learn "
            "from; set it lower, or have more"
        )
    torch.manual_seed(recipe.seed)
    network = Classifier(architecture, pictures.shape, len(pictures.classes))
    network.scale(pictures.images[:5000] / 127.5 - 1)
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.average), use_buffers=True)
    batches = Batches(pictures, recipe.batch_size, recipe.seed, device, flip)
    total = recipe.epochs * batches.per_epoch
    optimizer = torch.optim.SGD(_groups(network, recipe), momentum=0.85, nesterov=True)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: np.interp(step / total, (0, 0.23, 1), (0.2, 1, 0.03)).item()
    )
    for step in tqdm(range(total), desc="training", disable=not sys.stderr.isatty(), leave=False):
        images, labels = batches[step]
        assert labels is not None
        images = _cut_out(_shifted(images, recipe.shift), recipe.cutout)
        _, logits = network(images.contiguous(memory_format=torch.channels_last))
        loss = cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        average.update_parameters(network)
    kept = average.module.eval()
    assert isinstance(kept, Classifier)
    return kept


def _groups(network: Classifier, recipe: Recipe) -> list[dict[str, Any]]:
    """The parameters that learn, with the rate and the weight decay of each."""
    rate, decay = recipe.lr, recipe.weight_decay
    if not recipe.shift_rate:
        return [{"params": [p for p in network.parameters() if p.requires_grad], "lr": rate, "weight_decay": decay}]
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.weight.requires_grad_(False)
    shifts = [norm.bias for norm in norms]
    others = [p for p in network.parameters() if p.requires_grad and not any(p is shift for shift in shifts)]
    return [
        {"params": others, "lr": rate, "weight_decay": decay},
        {"params": shifts, "lr": rate * recipe.shift_rate, "weight_decay": decay / recipe.shift_rate},
    ]


def _shifted(images: Tensor, reach: int) -> Tensor:
    """Each picture moved by up to `reach` pixels along both sides; what comes in is a mirror image."""
    if not reach:
        return images
    size, channels, height, width = images.shape
    padded = nn.functional.pad(images, (reach, reach, reach, reach), mode="reflect")
    down, right = torch.randint(2 * reach + 1, (2, size, 1), device=images.device)
    rows, columns = down + torch.arange(height, device=images.device), right + torch.arange(width, device=images.device)
    picture = torch.arange(size, device=images.device).view(-1, 1, 1, 1)
    channel = torch.arange(channels, device=images.device).view(1, -1, 1, 1)
    return padded[picture, channel, rows[:, None, :, None], columns[:, None, None, :]]


def _cut_out(images: Tensor, side: int) -> Tensor:
    """In each picture a square of `side` pixels, which may stand half outside, is the colour 0."""
    if not side:
        return images
    size, _, height, width = images.shape
    row, column = (torch.randint(length, (size, 1), device=images.device) for length in (height, width))
    rows, columns = (torch.arange(length, device=images.device) for length in (height, width))
    below, right = rows - row + side // 2, columns - column + side // 2
    down, across = (below >= 0) & (below < side), (right >= 0) & (right < side)
    return images.masked_fill(down[:, None, :, None] & across[:, None, None], 0.0)
