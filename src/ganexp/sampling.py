"""Latents and labels that depend on a seed and a place alone: picture i is the same in any batch of any size."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ganexp import seeds
from ganexp.pictures import to_uint8

BLOCK = 250
"""Latents that one seed draws together."""

CHOOSING = 2**40
"""Added to a seed: the stream that a checkpoint is chosen on, which no figure that is reported comes from."""


def latents(seed: int, start: int, stop: int, size: int) -> Tensor:
    """Numbers `start` to `stop` of the stream `seed`, from N(0, 1): float [stop - start, size]."""
    blocks = []
    for block in range(start // BLOCK, -(-stop // BLOCK)):
        first = block * BLOCK
        drawn = torch.randn(BLOCK, size, generator=seeds.generator(seed, "latents", block))
        blocks.append(drawn[max(start - first, 0) : stop - first])
    return torch.cat(blocks) if blocks else torch.empty(0, size)


def classes_in_turn(start: int, stop: int, classes: int) -> Tensor | None:
    """Every class as often as every other, int64 [stop - start]; None if there are none."""
    return torch.arange(start, stop) % classes if classes else None


@torch.no_grad()
def sample(
    generator: nn.Module, latent_size: int, classes: int, n: int, seed: int, batch: int = BLOCK
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Batches of (pictures uint8 [B, C, H, W], labels int64 [B] or None), n pictures in all, on the CPU.

    `generator` is in eval mode, and `classes` 0 if it is not conditional.
    """
    device = next(generator.parameters()).device
    for start in range(0, n, batch):
        stop = min(start + batch, n)
        labels = classes_in_turn(start, stop, classes)
        on_device = labels.to(device) if labels is not None else None
        images = generator(latents(seed, start, stop, latent_size).to(device), on_device)
        yield to_uint8(images).cpu(), labels
