"""How a classifier is trained."""

import logging
from dataclasses import replace
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

from ganexp import seeds
from ganexp.console import progress
from ganexp.data.batches import Batches
from ganexp.data.dataset import Pictures
from ganexp.errors import UserError
from ganexp.evaluators.classifier import Classifier, ClassifierOptions
from ganexp.evaluators.unfinished import Unfinished
from ganexp.fields import STRICT, NonNegative, NonNegativeFloat, Positive, PositiveFloat, Share
from ganexp.networks.layout import put_channels_last

log = logging.getLogger("ganexp")


@dataclass(frozen=True, config=STRICT)
class Fitting:
    """The settings of a classifier's training, `classifier.recipe` on the command line.

    The optimizer is Nesterov's SGD. Its learning rate rises to `lr` and then falls.

    shift: each picture is moved by up to so many pixels; 0 moves none.
    cutout: side of a square that is erased in each picture (DeVries and Taylor 2017); 0 erases nothing.
    average: decay of the running average of the weights (Polyak and Juditsky 1992), which is the result; 0 keeps the
        last weights.
    shift_rate: factor on `lr` for BatchNorm's shifts, while its gains stay 1 (Jordan 2024). 0 trains gains and shifts
        like all other weights; weight decay then shrinks the gains until GELU is almost linear.
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


def fit(
    architecture: ClassifierOptions,
    fitting: Fitting,
    pictures: Pictures,
    flip: bool,
    device: torch.device,
    unfinished: Path | None = None,
) -> Classifier:
    """A trained classifier in eval mode. Seeds torch's global random numbers.

    A terminal shows a bar. Elsewhere, each epoch logs a line.

    flip: whether mirror images belong to the same class. If so, each picture is mirrored in every other epoch (Jordan
        2024).
    unfinished: a file that holds the state after each epoch while the training lasts. A training that was stopped
        continues from this file and ends with the same weights.
    """
    assert pictures.labels is not None
    if len(pictures.images) < fitting.batch_size:
        raise UserError(
            f"classifier.recipe.batch_size={fitting.batch_size}: there are {len(pictures.images)} pictures to learn "
            "from; set it lower, or have more"
        )
    side = min(pictures.shape[1:])
    if fitting.shift >= side:
        raise UserError(
            f"classifier.recipe.shift={fitting.shift}: the pictures have sides of {side} pixels: type a number below"
        )
    torch.manual_seed(fitting.seed)
    network = architecture.network(pictures.shape, len(pictures.classes))
    network.scale(pictures.images[:5000] / 127.5 - 1)
    network.to(device)
    put_channels_last(network)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(fitting.average), use_buffers=True)
    if flip:
        half = torch.rand(len(pictures.images), 1, 1, 1, generator=seeds.generator(fitting.seed, "flip")) < 0.5
        pictures = replace(pictures, images=torch.where(half, pictures.images.flip(-1), pictures.images))
    batches = Batches(pictures, fitting.batch_size, fitting.seed).to(device)
    total = fitting.epochs * batches.per_epoch
    optimizer = torch.optim.SGD(_parameter_groups(network, fitting), momentum=0.85, nesterov=True)
    rate = LambdaLR(optimizer, lambda step: np.interp(step / total, (0, 0.23, 1), (0.2, 1, 0.03)).item())
    state = Unfinished(
        unfinished,
        {
            "architecture": architecture.described(),
            "recipe": vars(fitting),
            "pictures": pictures.sha256(),
            "flip": flip,
        },
        [network, average, optimizer, rate],
    )
    begin = state.restore(device) * batches.per_epoch
    steps = range(begin, total)
    for step in progress.bar(steps, "training", total, initial=begin):
        epoch, place = divmod(step, batches.per_epoch)
        if place == 0:
            state.save(epoch)
            # Every epoch has a seed of its own, so that a continued training draws the same random numbers.
            torch.manual_seed(seeds.generator(fitting.seed, "classifier", epoch).initial_seed())
        images, labels = batches[step]
        assert labels is not None
        images = images.flip(-1) if flip and epoch % 2 else images
        images = _cut_out(_shifted(images, fitting.shift), fitting.cutout)
        _, class_logits = network(images.contiguous(memory_format=torch.channels_last))
        loss = cross_entropy(class_logits, labels, label_smoothing=fitting.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        average.update_parameters(network)
        if place == batches.per_epoch - 1 and not progress.visible():
            log.info("Epoch %d of %d: loss %.3f", epoch + 1, fitting.epochs, loss.item())
    state.save(fitting.epochs)
    trained = average.module.eval()
    assert isinstance(trained, Classifier)
    return trained


def _parameter_groups(network: Classifier, fitting: Fitting) -> list[dict[str, Any]]:
    """The parameters that are trained, with the learning rate and the weight decay of each group."""
    lr, decay = fitting.lr, fitting.weight_decay
    if not fitting.shift_rate:
        return [{"params": [p for p in network.parameters() if p.requires_grad], "lr": lr, "weight_decay": decay}]
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.weight.requires_grad_(False)
    shifts = [norm.bias for norm in norms]
    others = [p for p in network.parameters() if p.requires_grad and not any(p is shift for shift in shifts)]
    return [
        {"params": others, "lr": lr, "weight_decay": decay},
        {"params": shifts, "lr": lr * fitting.shift_rate, "weight_decay": decay / fitting.shift_rate},
    ]


def _shifted(images: Tensor, reach: int) -> Tensor:
    """Each picture moved by up to `reach` pixels along both sides. Mirrored pixels fill the edge."""
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
    """Each picture with a square of `side` pixels set to 0. The square may lie partly outside the picture."""
    if not side:
        return images
    size, _, height, width = images.shape
    row, column = (torch.randint(length, (size, 1), device=images.device) for length in (height, width))
    rows, columns = (torch.arange(length, device=images.device) for length in (height, width))
    below, right = rows - row + side // 2, columns - column + side // 2
    down, across = (below >= 0) & (below < side), (right >= 0) & (right < side)
    return images.masked_fill(down[:, None, :, None] & across[:, None, None], 0.0)
