"""Pictures from a generator. Picture i depends on the seed and on i alone, so it is the same in a batch of any size."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ganexp import seeds
from ganexp.console import progress
from ganexp.networks.generator import Generator
from ganexp.pictures.drawing import to_uint8

DRAWN_TOGETHER = 250
"""How many latents one draw makes; also the default batch."""

PictureStream = Iterable[tuple[Tensor, Tensor | None]]
"""Batches of (pictures uint8 [B, C, H, W], labels int64 [B] or None)."""

LabelsAt = Callable[[int, int, int], Tensor | None]
"""A function of (start, stop, num_classes) that gives the labels of pictures `start` to `stop`, int64
[stop - start], or None if there are no classes."""

CHOICE_OFFSET = 2**40
"""Added to a seed, this gives the latents on which checkpoints are chosen. No final metric uses these latents."""


def latents(seed: int, start: int, stop: int, size: int) -> Tensor:
    """Latents `start` to `stop` of the seed, from N(0, 1): float [stop - start, size]."""
    blocks = []
    for block in range(start // DRAWN_TOGETHER, -(-stop // DRAWN_TOGETHER)):
        first = block * DRAWN_TOGETHER
        drawn = torch.randn(
            DRAWN_TOGETHER, size, generator=seeds.generator(seed, "latents", block), dtype=torch.float32
        )
        blocks.append(drawn[max(start - first, 0) : stop - first])
    return torch.cat(blocks) if blocks else torch.empty(0, size, dtype=torch.float32)


def classes_in_turn(start: int, stop: int, num_classes: int) -> Tensor | None:
    """Labels 0, 1, 2, … again and again, int64 [stop - start]; None if there are no classes."""
    return torch.arange(start, stop) % num_classes if num_classes else None


def classes_in_proportion(counts: Tensor) -> LabelsAt:
    """Labels in the proportions of `counts`, int64 [K], evenly spread."""
    places = torch.cat([(torch.arange(count, dtype=torch.float64) + 0.5) / count for count in counts.tolist()])
    order = torch.arange(len(counts)).repeat_interleave(counts)[places.argsort(stable=True)]
    return lambda start, stop, num_classes: order[torch.arange(start, stop) % len(order)] if num_classes else None


def truncated(latents: Tensor, threshold: float) -> Tensor:
    """The same draws, but from N(0, 1) truncated at `threshold` standard deviations (Brock et al. 2019)."""
    share = torch.special.ndtr(torch.tensor(-threshold, dtype=latents.dtype))
    return torch.special.ndtri(share + torch.special.ndtr(latents) * (1 - 2 * share)).clamp(-threshold, threshold)


def between(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """Steps from each latent of `a`, float [N, size], to its partner in `b`: [N * steps, size].

    The steps follow the sphere (Shoemake 1985; White 2016), or a straight line between equal or opposite latents.
    """
    t = torch.linspace(0, 1, steps, dtype=a.dtype)[None, :, None]
    a, b = a[:, None], b[:, None]
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=-1)[..., None].clamp(-1, 1)
    angle = cosine.acos()
    mixed = (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()
    return torch.where(angle.sin() < 1e-3, torch.lerp(a, b, t), mixed).flatten(0, 1)


@contextmanager
def mixed_labels(generator: nn.Module, others: Tensor, share: Tensor) -> Iterator[None]:
    """Inside the block, the embedding of each label is mixed with that of its partner in `others`, int64 [B].

    share: float [B], 0 for the label itself and 1 for the partner.
    """

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
def generate(generator: Generator, latents: Tensor, labels: Tensor | None) -> Tensor:
    """The generator's pictures in eval mode, uint8 [B, C, H, W] on the CPU. The generator's mode stays as it was."""
    was_training, device = generator.training, generator.device
    images = generator.eval()(latents.to(device), labels.to(device) if labels is not None else None)
    generator.train(was_training)
    return to_uint8(images).cpu()


def sample(
    generator: Generator,
    n: int,
    seed: int,
    batch: int = DRAWN_TOGETHER,
    labels_at: LabelsAt = classes_in_turn,
    truncation: float | None = None,
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """`n` pictures of the generator, as a stream of (pictures uint8 [B, C, H, W], labels int64 [B] or None)."""
    for start in range(0, n, batch):
        stop = min(start + batch, n)
        labels, z = labels_at(start, stop, generator.num_classes), latents(seed, start, stop, generator.latent_dim)
        z = truncated(z, truncation) if truncation is not None else z
        yield generate(generator, z, labels), labels


def interpolate(
    generator: Generator,
    labels: Tensor | None,
    rows: int,
    steps: int,
    seed: int,
    truncation: float | None = None,
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """One batch a row: `steps` pictures from one latent to another, and from one label to another.

    labels: int64 [2 * rows], or None.
    """
    z = latents(seed, 0, 2 * rows, generator.latent_dim)
    z = truncated(z, truncation) if truncation is not None else z
    share = torch.linspace(0, 1, steps, dtype=z.dtype)
    for row in range(rows):
        walk = between(z[2 * row : 2 * row + 1], z[2 * row + 1 : 2 * row + 2], steps)
        if labels is None:
            yield generate(generator, walk, None), None
        else:
            a, b = labels[2 * row].expand(steps), labels[2 * row + 1].expand(steps)
            with mixed_labels(generator, b, share):
                yield generate(generator, walk, a), torch.where(share < 0.5, a, b)


def with_progress(stream: PictureStream, n: int) -> PictureStream:
    """The same stream of n pictures, with a progress bar."""
    with progress.bar(total=n, desc="evaluating") as bar:
        for images, labels in stream:
            yield images, labels
            bar.update(len(images))
