"""How a classifier is trained."""

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Lt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from ganexp import seeds
from ganexp.config import STRICT, NonNegative, NonNegativeFloat, Positive, PositiveFloat, Share
from ganexp.data.batches import Batches
from ganexp.data.dataset import Pictures
from ganexp.errors import UserError
from ganexp.metrics.classifier import Architecture, Classifier
from ganexp.metrics.unfinished import Unfinished


@dataclass(frozen=True, config=STRICT)
class Recipe:
    """How a classifier is trained: on pictures that are moved by up to `shift` pixels and lose a square of `cutout`
    (DeVries and Taylor 2017), and whose mirror images, where they are of the same class, come in every other epoch
    (Jordan 2024); by Nesterov's SGD, whose rate rises to `lr` and falls again. 0 leaves any of these out:

    average: decay of the running average of the weights, which is what is kept (Polyak and Juditsky 1992).
    shift_rate: BatchNorm's shifts learn at this times `lr`, and its gains stay 1 (Jordan 2024); else weight decay
    shrinks them until GELU is all but linear.
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
    architecture: Architecture,
    recipe: Recipe,
    pictures: Pictures,
    flip: bool,
    device: torch.device,
    unfinished: Path | None = None,
) -> Classifier:
    """A trained classifier, in eval mode. Seeds torch's RNG; shows a bar on a terminal.

    unfinished: a file that holds what was learned until the end of each epoch, while the training lasts; one that was
    stopped goes on from it and ends with the same weights.
    """
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
    if flip:
        half = torch.rand(len(pictures.images), 1, 1, 1, generator=seeds.generator(recipe.seed, "flip")) < 0.5
        pictures = replace(pictures, images=torch.where(half, pictures.images.flip(-1), pictures.images))
    batches = Batches(pictures, recipe.batch_size, recipe.seed).to(device)
    total = recipe.epochs * batches.per_epoch
    optimizer = torch.optim.SGD(_groups(network, recipe), momentum=0.85, nesterov=True)
    rate = LambdaLR(optimizer, lambda step: np.interp(step / total, (0, 0.23, 1), (0.2, 1, 0.03)).item())
    kept = Unfinished(
        unfinished,
        {"architecture": asdict(architecture), "recipe": vars(recipe), "pictures": pictures.sha256(), "flip": flip},
        [network, average, optimizer, rate],
    )
    begin = kept.take_up(device) * batches.per_epoch
    steps = range(begin, total)
    for step in tqdm(steps, "training", total, initial=begin, disable=not sys.stderr.isatty(), leave=False):
        epoch, place = divmod(step, batches.per_epoch)
        if place == 0:
            kept.keep(epoch)
            # Anew in each epoch: what is drawn does not depend on where the training went on.
            torch.manual_seed(seeds.generator(recipe.seed, "classifier", epoch).initial_seed())
        images, labels = batches[step]
        assert labels is not None
        images = images.flip(-1) if flip and epoch % 2 else images
        images = _cut_out(_shifted(images, recipe.shift), recipe.cutout)
        _, logits = network(images.contiguous(memory_format=torch.channels_last))
        loss = cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        average.update_parameters(network)
    kept.keep(recipe.epochs)
    trained = average.module.eval()
    assert isinstance(trained, Classifier)
    return trained


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
