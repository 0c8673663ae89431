"""How a classifier is trained."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import torch
from annotated_types import Gt, Lt
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
from ganexp.metrics.muon import Muon
from ganexp.metrics.unfinished import Unfinished


@dataclass(frozen=True, config=STRICT)
class Recipe:
    """How a classifier is trained: on pictures that are moved by up to `shift` pixels and lose a square of `cutout`
    (DeVries and Taylor 2017), by Nesterov's SGD, whose rate rises to `lr` and falls again. 0 leaves any of these out:

    average: decay of the running average of the weights, which is what is kept (Polyak and Juditsky 1992).
    kernel_rate: kernels learn by Muon at this rate instead, in far fewer epochs.
    shift_rate: BatchNorm's shifts learn at this times `lr`, and its gains stay 1 (Jordan 2024); else weight decay
    shrinks them until GELU is all but linear.

    crop: pictures are seen through windows of this share of their sides at first, which grow to whole pictures by two
    thirds of the training: less work, hardly worse (Tan and Le 2021). 1: whole ones throughout.
    """

    epochs: Positive
    batch_size: Positive
    lr: PositiveFloat
    weight_decay: NonNegativeFloat
    label_smoothing: Annotated[Share, Lt(1)]
    shift: NonNegative
    cutout: NonNegative = 0
    crop: Annotated[Share, Gt(0)] = 1
    average: Annotated[Share, Lt(1)] = 0
    kernel_rate: NonNegativeFloat = 0
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
    batches = Batches(pictures, recipe.batch_size, recipe.seed, device, flip)
    total = recipe.epochs * batches.per_epoch
    optimizers = _optimizers(network, recipe)

    def rate(step: int) -> float:
        return np.interp(step / total, (0, 0.23, 1), (0.2, 1, 0.03)).item()

    rates = [LambdaLR(optimizer, rate) for optimizer in optimizers]
    kept = Unfinished(
        unfinished,
        {"architecture": asdict(architecture), "recipe": vars(recipe), "pictures": pictures.sha256(), "flip": flip},
        [network, average, *optimizers, *rates],
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
        share = np.interp(step / total, (0, 2 / 3), (recipe.crop, 1)).item()
        images = _cut_out(_windows(images, recipe.shift, share), recipe.cutout)
        _, logits = network(images.contiguous(memory_format=torch.channels_last))
        loss = cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
        network.zero_grad()
        loss.backward()
        for part in (*optimizers, *rates):
            part.step()
        average.update_parameters(network)
    kept.keep(recipe.epochs)
    trained = average.module.eval()
    assert isinstance(trained, Classifier)
    return trained


def _optimizers(network: Classifier, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Between them they train each parameter once, at its own rate."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    kernels = [cast(nn.Parameter, module.weight) for module in network.modules() if isinstance(module, nn.Conv2d)]
    kernels = [kernel for kernel in kernels if kernel.requires_grad and recipe.kernel_rate]
    shifts = [norm.bias for norm in norms if recipe.shift_rate]
    if recipe.shift_rate:
        for norm in norms:
            norm.weight.requires_grad_(False)
    apart = {id(parameter) for parameter in (*kernels, *shifts)}
    others = [p for p in network.parameters() if p.requires_grad and id(p) not in apart]
    groups: list[dict[str, Any]] = [{"params": others}]
    if shifts:
        faster = {"lr": recipe.lr * recipe.shift_rate, "weight_decay": recipe.weight_decay / recipe.shift_rate}
        groups.append({"params": shifts} | faster)
    sgd = torch.optim.SGD(groups, recipe.lr, momentum=0.85, nesterov=True, weight_decay=recipe.weight_decay)
    return [sgd, Muon(kernels, recipe.kernel_rate)] if kernels else [sgd]


def _windows(images: Tensor, reach: int, share: float) -> Tensor:
    """Of each picture a window, `share` of its sides long, up to `reach` pixels outside: a mirror image comes in."""
    size, channels, *sides = images.shape
    height, width = (round(share * side) for side in sides)
    if not reach and [height, width] == sides:
        return images
    padded = nn.functional.pad(images, (reach, reach, reach, reach), mode="reflect")
    down, right = (
        torch.randint(side + 2 * reach - window + 1, (size, 1), device=images.device)
        for side, window in zip(sides, (height, width), strict=True)
    )
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
