"""From labelled pictures to an evaluator with its card."""

import dataclasses
import logging
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ganexp.data.dataset import Dataset, Pictures
from ganexp.errors import UserError
from ganexp.evaluators import evaluator
from ganexp.evaluators.classifier import ClassifierOptions
from ganexp.evaluators.evaluator import Evaluator
from ganexp.evaluators.fitting import Fitting, fit
from ganexp.metrics.frechet import Statistics, frechet_distance
from ganexp.metrics.monge import monge_distance
from ganexp.processes.memory import freed_memory_kept
from ganexp.seeds import shuffled

log = logging.getLogger("ganexp")


def train_evaluator(
    data: Dataset,
    architecture: ClassifierOptions,
    fitting: Fitting,
    path: Path,
    note: str | None = None,
    device: torch.device | str = "cpu",
) -> Evaluator:
    """Train on `data` until the last epoch, write weights and card to `path`, and log how good the evaluator is.

    Held-out pictures test the evaluator and choose nothing. If the data has none, a tenth of each class is set aside.
    note: words for the card. An evaluator that is no better than guessing gets a warning, here and whenever it is
    loaded.
    """
    pictures, held_out = data.load("train"), data.load("test")
    if pictures.labels is None or len(pictures.classes) < 2:
        raise UserError(
            f"data: an evaluator needs 2 classes, and this data has {len(pictures.classes) or 'none'}: "
            "make a subfolder for each class, or change data.classes"
        )
    everything = pictures
    if held_out.sha256() == pictures.sha256():
        held_out, pictures = set_aside(pictures)
    unfinished = path.with_suffix(".unfinished")
    try:
        with freed_memory_kept(of_any_size=True):
            network = fit(architecture, fitting, pictures, data.flip, torch.device(device), unfinished)
    except KeyboardInterrupt:
        if unfinished.is_file():
            log.warning("Stopped. The same command continues after the last whole epoch, which is in %s", unfinished)
        raise
    trained = evaluator.save(network, architecture, fitting, everything, path)
    card = trained.card | {
        "data": type(data).__name__,
        "torch": torch.__version__,
        "test_accuracy": trained.accuracy(held_out),
        "guessing_accuracy": round(guessing_accuracy(held_out), 4),
    }
    card |= degradations(trained, pictures, held_out)
    if note is not None:
        card["note"] = note
    evaluator.write_card(path, card)
    unfinished.unlink()
    log.info(
        "%s: %.2f %% of the test pictures right, %d KB", path, 100 * card["test_accuracy"], path.stat().st_size >> 10
    )
    for name, distance in card["fid"].items():
        log.info("  %-34s FID %10.3f   MIND %10.3f", name, distance, card["mind"][name])
    if evaluator.only_guesses(card):
        log.warning(
            "Warning: %s is no better than guessing, so its metrics say nothing. Guessing can reach %.1f %% of "
            "%d test pictures. Train it for longer (classifier.recipe.epochs), at another rate "
            "(classifier.recipe.lr), or on more pictures.",
            path,
            100 * card["guessing_accuracy"],
            len(held_out.images),
        )
    return dataclasses.replace(trained, card=card)


def set_aside(pictures: Pictures) -> tuple[Pictures, Pictures]:
    """A tenth of each class, chosen at random but the same at every call, and all other pictures.

    UserError if a class has a single picture: it would be missing in one of the two parts.
    """
    assert pictures.labels is not None
    counts = torch.bincount(pictures.labels, minlength=len(pictures.classes))
    single = [name for name, count in zip(pictures.classes, counts.tolist(), strict=True) if count < 2]
    if single:
        raise UserError(
            f"data: the class {single[0]} has fewer than two pictures; an evaluator needs one to learn from and one to "
            "be judged by: add pictures, or remove the class"
        )
    order = shuffled(len(pictures.images))
    chosen = torch.zeros(len(order), dtype=torch.bool)
    for label, count in enumerate(counts.tolist()):
        of_class = order[pictures.labels[order] == label]
        chosen[of_class[: -(-count // 10)]] = True
    aside, others = (
        dataclasses.replace(pictures, images=pictures.images[index], labels=pictures.labels[index])
        for index in (order[chosen[order]], order[~chosen[order]])
    )
    return aside, others


def guessing_accuracy(pictures: Pictures) -> float:
    """The accuracy that guessing exceeds on these labelled pictures in only one case out of twenty.

    The best guess is the most frequent class. The normal distribution approximates the number of hits.
    """
    assert pictures.labels is not None
    n = len(pictures.labels)
    share = torch.bincount(pictures.labels).max().item() / n
    return min(1.0, share + 1.645 * (share * (1 - share) / n) ** 0.5)


def degradations(
    trained: Evaluator, pictures: Pictures, held_out: Pictures, n: int = 10_000
) -> dict[str, dict[str, float]]:
    """How far n real pictures, unchanged and degraded in known ways, are from the training pictures: by FID (`fid`)
    from all of them, and by MIND (`mind`) from n others."""
    assert pictures.labels is not None
    order = shuffled(len(pictures.images))
    features = trained.embed(pictures.images[order])[0]
    train, others = Statistics.of(features), features[n : 2 * n] if len(features) > n else features
    chosen = order[:n]
    real = pictures.images[chosen]
    labels = pictures.labels[chosen]
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))

    def noisy(sigma: float) -> Tensor:
        return (real + sigma * 255 * noise).clamp(0, 255).round().to(torch.uint8)

    degraded = {
        "training pictures": real,
        "held-out pictures (floor)": held_out.images[:n],
        "noise of 0.05 of white": noisy(0.05),
        "noise of 0.1 of white": noisy(0.1),
        "3x3 blur": avg_pool2d(real.float(), 3, 1, 1).round().to(torch.uint8),
        "shifted by 2 pixels": real.roll(2, 3),
        "the last class missing": real[labels != labels.max()],
        "1,000 pictures 10 times": real[:1000].repeat(10, 1, 1, 1),
    }
    seen = {name: trained.embed(images)[0] for name, images in degraded.items()}
    return {
        "fid": {name: round(frechet_distance(train, Statistics.of(found)), 4) for name, found in seen.items()},
        "mind": {name: round(monge_distance(found, others), 4) for name, found in seen.items()},
    }
