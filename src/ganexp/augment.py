"""DiffAugment (Zhao et al. 2020): random changes to every picture that D sees, real or fake.

Every operation is differentiable, works for any number of channels and draws new numbers for each picture. Images are
float [B, C, H, W] in [-1, 1].
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ganexp.processes.collectives import drawn


class DiffAugment:
    """Applies the named operations one after another; without operations it returns the images unchanged."""

    def __init__(self, operations: Sequence[str]):
        self.operations = [_OPERATIONS[name] for name in operations]

    def __call__(self, images: Tensor) -> Tensor:
        for operation in self.operations:
            images = operation(images)
        return images


def _uniform(images: Tensor, low: float, high: float) -> Tensor:
    return drawn(lambda n: torch.empty(n, 1, 1, 1, device=images.device).uniform_(low, high), len(images))


def color(images: Tensor) -> Tensor:
    """Brightness ±0.5, saturation 0 to 2 (nothing on grey pictures), contrast 0.5 to 1.5."""
    images = images + _uniform(images, -0.5, 0.5)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * _uniform(images, 0, 2)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * _uniform(images, 0.5, 1.5)


def translation(images: Tensor) -> Tensor:
    """A shift by up to an eighth of each side, rounded: 4 of 28 pixels. Pixels that come in are 0, mid grey."""
    size, height, width = len(images), *images.shape[2:]
    rows = _shifted(size, height, images.device)[:, :, None]
    columns = _shifted(size, width, images.device)[:, None, :]
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    batch = torch.arange(size, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[batch, rows, columns].permute(0, 3, 1, 2)


def _shifted(size: int, side: int, device: torch.device) -> Tensor:
    """For each picture, indices into a side that is padded by one pixel, shifted: int64 [B, side]."""
    reach = (side + 4) // 8
    shift = drawn(lambda n: torch.randint(-reach, reach + 1, (n, 1), device=device), size)
    return (torch.arange(side, device=device) + shift + 1).clamp(0, side + 1)


def cutout(images: Tensor) -> Tensor:
    """A square of half the side, centred anywhere, becomes 0."""
    height, width = images.shape[2:]
    rows = _hidden(len(images), height, images.device)[:, None, :, None]
    columns = _hidden(len(images), width, images.device)[:, None, None, :]
    return images * ~(rows & columns)


def _hidden(size: int, side: int, device: torch.device) -> Tensor:
    """For each picture, whether an index along a side lies in a hole of half the side: bool [B, side]."""
    centre = drawn(lambda n: torch.randint(0, side + 1, (n, 1), device=device), size)
    start = centre - side // 4
    index = torch.arange(side, device=device)
    return (index >= start) & (index < start + side // 2)


_OPERATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}
