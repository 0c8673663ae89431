"""Latents and labels that depend on a seed and a place alone: picture i is the same in any batch of any size."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ganexp import seeds
from ganexp.pictures import to_uint8

BLOCK = 250
"""Latents that one seed draws together."""

LabelsAt = Callable[[int, int, int], Tensor | None]
"""Of (start, stop, classes): the labels of these pictures, int64 [stop - start], or None if there are no classes."""

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


def classes_in_proportion(counts: Tensor) -> LabelsAt:
    """Every class as often as `counts`, int64 [K], says, evenly spread; in turn where they are equal."""
    places = torch.cat([(torch.arange(count, dtype=torch.float64) + 0.5) / count for count in counts.tolist()])
    order = torch.arange(len(counts)).repeat_interleave(counts)[places.argsort(stable=True)]
    return lambda start, stop, classes: order[torch.arange(start, stop) % len(order)] if classes else None


def truncated(latents: Tensor, threshold: float) -> Tensor:
    """The same draws from N(0, 1) cut off at `threshold` standard deviations (Brock et al. 2019)."""
    share = torch.special.ndtr(torch.tensor(-threshold))
    return torch.special.ndtri(share + torch.special.ndtr(latents) * (1 - 2 * share)).clamp(-threshold, threshold)


def between(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """From each of float [N, size] to its partner along the sphere (Shoemake 1985; White 2016): [N * steps, size].

    Straight where the sphere shows no way, between opposites, or none is needed.
    """
    t = torch.linspace(0, 1, steps)[None, :, None]
    a, b = a[:, None], b[:, None]
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=-1)[..., None].clamp(-1, 1)
    angle = cosine.acos()
    mixed = (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()
    return torch.where(angle.sin() < 1e-3, torch.lerp(a, b, t), mixed).flatten(0, 1)


@contextmanager
def mixed_labels(generator: nn.Module, others: Tensor, share: Tensor) -> Iterator[None]:
    """While the block runs, every label counts as a mixture: `share` float [B] of the way to `others`, int64 [B]."""

    def mix(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        assert isinstance(module, nn.Embedding)
        return torch.lerp(output, module.weight[others], share[:, None])

    hooks = [m.register_forward_hook(mix) for m in generator.modules() if isinstance(m, nn.Embedding)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def sample(
    generator: nn.Module,
    latent_size: int,
    classes: int,
    n: int,
    seed: int,
    batch: int = BLOCK,
    labels_at: LabelsAt = classes_in_turn,
    truncation: float | None = None,
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Batches of (pictures uint8 [B, C, H, W], labels int64 [B] or None), n pictures in all, on the CPU.

    `generator` is in eval mode, and `classes` 0 if it is not conditional.
    """
    device = next(generator.parameters()).device
    for start in range(0, n, batch):
        stop = min(start + batch, n)
        labels, z = labels_at(start, stop, classes), latents(seed, start, stop, latent_size)
        z = truncated(z, truncation) if truncation is not None else z
        images = generator(z.to(device), labels.to(device) if labels is not None else None)
        yield to_uint8(images).cpu(), labels


@torch.no_grad()
def interpolate(
    generator: nn.Module,
    latent_size: int,
    labels: Tensor | None,
    rows: int,
    steps: int,
    seed: int,
    truncation: float | None = None,
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """A batch a row: `steps` pictures from one latent to another, and from one label to another.

    labels: int64 [2 * rows], or None.
    """
    z = latents(seed, 0, 2 * rows, latent_size)
    z = truncated(z, truncation) if truncation is not None else z
    share = torch.linspace(0, 1, steps)
    for row in range(rows):
        walk = between(z[2 * row : 2 * row + 1], z[2 * row + 1 : 2 * row + 2], steps)
        if labels is None:
            yield to_uint8(generator(walk, None)), None
        else:
            a, b = labels[2 * row].expand(steps), labels[2 * row + 1].expand(steps)
            with mixed_labels(generator, b, share):
                yield to_uint8(generator(walk, a)), torch.where(share < 0.5, a, b)
