"""MNIST's digits in colour: a task for networks of colour pictures that needs no download and trains in minutes."""

from typing import Literal

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import pad

from ganexp import seeds
from ganexp.data.dataset import Dataset, Pictures, Split
from ganexp.data.mnist import MNIST
from ganexp.fields import STRICT

PART = 128
"""The pictures that are coloured at a time: so few stay in the processor's cache."""

LUMA = torch.tensor([0.299, 0.587, 0.114])
"""The share of red, green and blue in brightness (ITU-R BT.601)."""


@dataclass(frozen=True, config=STRICT)
class MNISTColour(Dataset):
    """60,000 training and 10,000 test digits, 32x32 in colour, made from MNIST at every load and always the same.

    Each digit has a colour of its own on a background that fades from one colour into another. Digit and background
    always differ in brightness: one is light, the other is dark. Labels are the digits. `flip` stays off.
    """

    flip: Literal[False] = False

    def read(self, split: Split) -> Pictures:
        digits = MNIST(batch_size=self.batch_size).read(split)
        random = torch.rand(len(digits.images), 8, generator=seeds.generator("mnist_colour", split))
        images = torch.empty(len(digits.images), 3, 32, 32, dtype=torch.uint8)
        for into, part, chances in zip(*(x.split(PART) for x in (images, digits.images, random)), strict=True):
            into.copy_(colour(part, chances))
        return Pictures(images, digits.labels, digits.classes)


def colour(digits: Tensor, random: Tensor) -> Tensor:
    """Digits, uint8 [N, 1, 28, 28], in colours: float [N, 3, 32, 32], whole numbers from 0 to 255.

    random: [N, 8] in [0, 1): the choices for each picture.
    """
    light, dark, which, hue, hue_start, hue_end, across, down = random.unbind(1)
    light, dark, digit_is_light = 0.65 + 0.2 * light, 0.1 + 0.2 * dark, which < 0.5
    digit, behind = torch.where(digit_is_light, light, dark), torch.where(digit_is_light, dark, light)
    stroke, start, end = _tint(hue, digit), _tint(hue_start, behind), _tint(hue_end, behind)
    picture = (end - start) * _ramp(2 * across - 1, 2 * down - 1)
    picture += start
    opacity = pad(digits, (2, 2, 2, 2)).float() / 255
    picture *= 1 - opacity
    picture += stroke * opacity
    return picture.mul_(255).round_()


def _tint(hue: Tensor, luma: Tensor) -> Tensor:
    """Colours [N, 3, 1, 1] of a hue in [0, 1) and a brightness in (0, 1): a rainbow's colour, mixed with black or white
    until it is as bright as asked."""
    # Only sums, products and comparisons: they give the same bits on every machine.
    distance = (hue[:, None] * 6 - torch.tensor([0.0, 2.0, 4.0]) + 3) % 6 - 3
    pure = (2 - distance.abs()).clamp(0, 1)
    own = (pure * LUMA).sum(1, keepdim=True)
    asked = luma[:, None]
    mixed = torch.where(asked < own, pure * (asked / own), 1 - (1 - pure) * ((1 - asked) / (1 - own)))
    return mixed[:, :, None, None]


def _ramp(across: Tensor, down: Tensor) -> Tensor:
    """Values from 0 to 1 across the picture, [N, 1, 32, 32]. The direction has two parts, [N] in [-1, 1]."""
    across, down = across[:, None, None, None], down[:, None, None, None]
    along = torch.arange(32) / 31 - 0.5
    return (across * along + down * along[:, None]) / (across.abs() + down.abs()) + 0.5
