"""Tensors to picture files."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor


def grid(images: Tensor, columns: int, gap: int = 2) -> Tensor:
    """Tiles uint8 [N, C, H, W] row by row into one uint8 [C, H', W'], on mid grey."""
    n, channels, height, width = images.shape
    rows = -(-n // columns)
    sheet = torch.full((channels, rows * (height + gap) + gap, columns * (width + gap) + gap), 96, dtype=torch.uint8)
    for i, image in enumerate(images.cpu()):
        top, left = gap + i // columns * (height + gap), gap + i % columns * (width + gap)
        sheet[:, top : top + height, left : left + width] = image
    return sheet


def to_uint8(images: Tensor) -> Tensor:
    """Float in [-1, 1] to the nearest of 256 levels; what lies outside is clamped."""
    # Rounded before the cast: a bare cast is biased by half a level, and wraps.
    return images.float().add(1).mul(127.5).clamp(0, 255).round().to(torch.uint8)


def to_pil(image: Tensor) -> Image.Image:
    """uint8 [C, H, W] of 1 or 3 channels, as a Pillow image."""
    array = image.permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def animate(frames: Sequence[Path], path: Path, milliseconds: int = 150) -> None:
    """A GIF of picture files that ends on its last frame for two seconds, then starts again."""
    durations = [milliseconds] * (len(frames) - 1) + [2000]
    others = (Image.open(frame) for frame in frames[1:])  # Opened one by one: a long run has more than may be open.
    with Image.open(frames[0]) as first:
        first.save(path, save_all=True, append_images=others, duration=durations, loop=0)
