"""From real pictures to an evaluator with its card."""

import dataclasses
import logging
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ganexp.data.dataset import Dataset, Pictures
from ganexp.errors import UserError
from ganexp.memory import keep_freed_memory
from ganexp.metrics import evaluator
from ganexp.metrics.classifier import Architecture
from ganexp.metrics.evaluator import Evaluator
from ganexp.metrics.frechet import Statistics, frechet_distance
from ganexp.metrics.recipe import Recipe, train
from ganexp.metrics.reference import shuffled

log = logging.getLogger("ganexp")


def train_evaluator(
    data: Dataset, architecture: Architecture, recipe: Recipe, path: Path, note: str | None = None
) -> Evaluator:
    """Train on `data`, last epoch and no choosing; write weights and card to `path`, and log how good it is.

    Of data without pictures held out, a tenth is set aside. `note`: words for the card.
    """
    keep_freed_memory(of_any_size=True)
    pictures, held_out = data.load("train"), data.load("test")
    if pictures.labels is None or len(pictures.classes) < 2:
        raise UserError(
            f"data: an evaluator learns to tell classes apart, and this data has {len(pictures.classes) or 'none'}: "
            "sort the pictures into subfolders"
        )
    if held_out.sha256() == pictures.sha256():
        held_out, pictures = _set_aside(pictures)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    unfinished = path.with_suffix(".unfinished")
    try:
        network = train(architecture, recipe, pictures, data.flip, device, unfinished)
    except KeyboardInterrupt:
        if unfinished.is_file():
            log.warning("stopped; the same command goes on from the last whole epoch, which %s holds", unfinished)
        raise
    trained = evaluator.save(network, architecture, recipe, pictures, path)
    card = trained.card | {
        "data": type(data).__name__,
        "torch": torch.__version__,
        "test_accuracy": accuracy(trained, held_out),
    }
    card["fid"] = degradations(trained, pictures, held_out)
    if note is not None:
        card["note"] = note
    evaluator.write_card(path, card)
    unfinished.unlink()
    log.info(
        "%s: %.2f %% of the test pictures right, %d KB", path, 100 * card["test_accuracy"], path.stat().st_size >> 10
    )
    for name, distance in card["fid"].items():
        log.info("  %-44s FID %10.3f", name, distance)
    return trained


def _set_aside(pictures: Pictures) -> tuple[Pictures, Pictures]:
    """A tenth of the pictures, chosen at random but always the same, and the others."""
    assert pictures.labels is not None
    order = shuffled(len(pictures.images))
    tenth = -(-len(order) // 10)
    some, others = (
        dataclasses.replace(pictures, images=pictures.images[chosen], labels=pictures.labels[chosen])
        for chosen in (order[:tenth], order[tenth:])
    )
    return some, others


def accuracy(trained: Evaluator, pictures: Pictures) -> float:
    """Share of pictures whose class the evaluator finds."""
    _, probabilities = trained(pictures.images)
    return (probabilities.argmax(1) == pictures.labels).double().mean().item()


def degradations(trained: Evaluator, pictures: Pictures, held_out: Pictures, n: int = 10_000) -> dict[str, float]:
    """FID from the training pictures of n real ones, as they are and spoilt in known ways."""
    assert pictures.labels is not None
    train = Statistics.of(trained(pictures.images)[0])
    chosen = shuffled(len(pictures.images))[:n]
    real = pictures.images[chosen]
    labels = pictures.labels[chosen]
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))

    def noisy(sigma: float) -> Tensor:
        return (real + sigma * 255 * noise).clamp(0, 255).round().to(torch.uint8)

    spoilt = {
        "training pictures": real,
        "held-out pictures (floor)": held_out.images[:n],
        "noise of 0.05 of white": noisy(0.05),
        "noise of 0.1 of white": noisy(0.1),
        "3x3 blur": avg_pool2d(real.float(), 3, 1, 1).round().to(torch.uint8),
        "shifted by 2 pixels": real.roll(2, 3),
        "the last class missing": real[labels != labels.max()],
        "1,000 pictures 10 times": real[:1000].repeat(10, 1, 1, 1),
    }
    return {
        name: round(frechet_distance(train, Statistics.of(trained(images)[0])), 4) for name, images in spoilt.items()
    }
