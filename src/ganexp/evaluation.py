"""The full evaluation: of a run's checkpoint, or of anybody's pictures."""

import dataclasses
import sys
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from PIL.Image import Image
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from ganexp import loggers
from ganexp.cache import cached
from ganexp.data.dataset import Dataset, Pictures
from ganexp.errors import UserError
from ganexp.folder import whole
from ganexp.metrics import evaluator as evaluators
from ganexp.metrics.card import Card
from ganexp.metrics.evaluator import Evaluator
from ganexp.metrics.frechet import Statistics, frechet_distance
from ganexp.metrics.measure import Real, Samples, floors, full, noise
from ganexp.metrics.neighbours import nearest
from ganexp.metrics.recipe import Recipe, train
from ganexp.metrics.reference import Reference, key_of, reference
from ganexp.metrics.training import accuracy
from ganexp.pictures import grid
from ganexp.record import Record
from ganexp.runs import Run
from ganexp.sampling import LabelsAt, classes_in_proportion, classes_in_turn, sample

Batches = Iterable[tuple[Tensor, Tensor | None]]
"""Of (pictures uint8 [B, C, H, W], the classes asked for int64 [B] or None)."""


class Protocol:
    """An evaluator and the real pictures of one dataset, ready to measure generated ones."""

    def __init__(self, data: Dataset, pictures: Pictures, device: torch.device | str = "cpu"):
        """`pictures`: what the data loads for training. UserError if the data names no evaluator, or one for
        pictures of another shape."""
        if data.evaluator is None:
            raise UserError(
                "data.evaluator is not set, so there is nothing to measure with: name one that comes with ganexp "
                f"({', '.join(evaluators.shipped())}), or a .pt file that python -m ganexp.evaluator trained"
            )
        self.evaluator = evaluators.load(data.evaluator, device)
        if pictures.shape != self.evaluator.shape:
            raise UserError(
                f"data.evaluator={data.evaluator} measures pictures of {self.evaluator.shape} (channels, height, "
                f"width), and these have {pictures.shape}, which are never resized: name another evaluator, train "
                "one with python -m ganexp.evaluator, or do without by data.evaluator=null"
            )
        self.data, self.pictures = data, pictures

    @cached_property
    def train(self) -> Reference:
        return reference(self.evaluator, self.pictures)

    @cached_property
    def test(self) -> Reference | None:
        """None for a folder of one's own, which has no pictures apart from those trained on."""
        test = reference(self.evaluator, self.data.load("test"))
        return test if test.sha256 != self.train.sha256 else None

    def floor(self, n: int) -> float | None:
        """The distance of n held-out pictures from the training ones, if any were held out."""
        if self.test is None:
            return None
        return frechet_distance(self.train.statistics, Statistics.of(self.test.features[:n]))

    def labels_at(self, classes: tuple[str, ...]) -> LabelsAt:
        """What to ask of a generator of these classes: each as often as the data has it, so that shares of its own
        are not held against it; of another data's classes all alike."""
        labels = self.pictures.labels
        if labels is None or classes != self.pictures.classes:
            return classes_in_turn
        return classes_in_proportion(torch.bincount(labels, minlength=len(classes)))

    def look(self, batches: Batches, classes: tuple[str, ...]) -> tuple[Samples, Tensor]:
        """What the evaluator makes of the pictures, and the pictures themselves. `classes`: what labels stand for."""
        seen = [(images, *self.evaluator(images), labels) for images, labels in batches]
        images, features, probabilities, asked = zip(*seen, strict=True)
        # Another dataset's evaluator, or pictures, do not know the classes that were asked for.
        known = asked[0] is not None and classes == self.pictures.classes == self.evaluator.classes
        labels = torch.cat(asked) if known else None
        return Samples(torch.cat(features), torch.cat(probabilities), labels), torch.cat(images)

    def evaluate(self, samples: Samples, weights: str, seed: int | None) -> dict[str, Any]:
        """figures, floors (those of `floor_samples` real pictures), noise (of the distance), classes (the histogram)
        and the card."""
        name, n = self.evaluator.name, len(samples.features)
        real, conditional = Real(self.train, self.test, n), samples.asked is not None
        return {
            "figures": full(samples, real, name),
            "floors": self._floors(real, conditional),
            "floor_samples": min(n, len(self.test.features)) if self.test is not None else 0,
            "noise": noise(samples, self.train, name),
            "classes": dict(zip(self.evaluator.classes, samples.shares.tolist(), strict=True)),
            "card": self.card(n, weights, seed),
        }

    def _floors(self, real: Real, conditional: bool) -> dict[str, float]:
        """Computed once for all runs: they are half of the work."""
        if real.test is None:
            return {}
        name = self.evaluator.name
        classes = [split.shares.tolist() for split in (real.train, real.test)]
        key = key_of(self.evaluator, real.train.sha256, real.test.sha256, classes, real.n, conditional)
        return cached(f"floors/{name}-{key}.pt", lambda: floors(real, name, conditional))

    def card(self, n: int, weights: str, seed: int | None) -> dict[str, Any]:
        """Of a score of n samples, the fields of `Card`."""
        card = Card(
            evaluator=self.evaluator.name,
            evaluator_sha256=self.evaluator.card["sha256"],
            reference=f"{type(self.data).__name__} train",
            reference_sha256=self.train.sha256,
            samples=n,
            weights=weights,
            seed=seed,
        )
        return dataclasses.asdict(card)


def of_run(
    run: Run,
    protocol: Protocol,
    checkpoint: str | None,
    weights: str,
    n: int,
    seed: int,
    train_on_samples: bool = False,
) -> dict[str, Any]:
    """The evaluation of a run's checkpoint, also kept in the run's folder; with GAN-train's figure on request."""
    began = time.perf_counter()
    if train_on_samples and not run.classes:
        raise UserError(
            f"gan_train=true needs samples of known classes, and {run.path} is not conditional; leave it out"
        )
    if train_on_samples:
        _can_train(protocol, run.classes, n)
    if run.shape != protocol.evaluator.shape:
        raise UserError(
            f"run={run.path}: its pictures of {run.shape} (channels, height, width) cannot be compared with data of "
            f"{protocol.evaluator.shape}; leave data= out"
        )
    path = run.checkpoint(checkpoint)
    network = run.network(path, weights, protocol.evaluator.network.mean.device)
    choose = protocol.labels_at(run.classes)
    batches = sample(network, n, seed, labels_at=choose)
    samples, images = protocol.look(with_progress(batches, n), run.classes)
    of_the_run = path.resolve().parent == (run.path / "checkpoints").resolve()
    named = path.stem if of_the_run else str(path)
    about = {"run": str(run.path), "checkpoint": named, "step": run.iteration(path)}
    evaluation: dict[str, Any] = about | protocol.evaluate(samples, weights, seed)
    if train_on_samples:
        assert samples.asked is not None
        evaluation["figures"]["gan_train_accuracy"] = gan_train(images, samples.asked, protocol)
    evaluation["seconds"] = round(time.perf_counter() - began, 2)
    with run.folder.written_if_possible():
        _keep(run, evaluation, samples, images, protocol)
    return evaluation


def _can_train(protocol: Protocol, classes: tuple[str, ...], n: int) -> None:
    """UserError if n samples of these classes cannot train a classifier."""
    if not classes == protocol.pictures.classes == protocol.evaluator.classes:
        raise UserError("gan_train=true needs an evaluator of the data's own classes: train one, or leave it out")
    if protocol.test is None:
        raise UserError("gan_train=true needs pictures that were held out, and this data has none: leave it out")
    batch_size = Recipe(**protocol.evaluator.card["recipe"]).batch_size
    if n < batch_size:
        raise UserError(f"gan_train=true learns from batches of {batch_size} samples, and n={n}: type n=10000")


def gan_train(images: Tensor, labels: Tensor, protocol: Protocol) -> float:
    """Share of held-out pictures that a classifier gets right which was trained on samples alone, by the recipe of
    the evaluator (GAN-train, Shmelkov, Schmid and Alahari 2018)."""
    trained, real = protocol.evaluator, protocol.data.load("test")
    samples = Pictures(images, labels, real.classes)
    recipe = Recipe(**trained.card["recipe"])
    network = train(trained.architecture, recipe, samples, protocol.data.flip, trained.network.mean.device)
    return accuracy(Evaluator("gan_train", network, trained.card), real)


def of_pictures(images: Tensor, labels: Tensor | None, protocol: Protocol) -> dict[str, Any]:
    """The evaluation of pictures of which nothing more is known: uint8 [N, C, H, W], labels int64 [N] or None."""
    classes = protocol.pictures.classes
    if labels is not None and classes and not 0 <= labels.min() <= labels.max() < len(classes):
        raise UserError(
            f"samples: the labels, arr_1, go from {labels.min()} to {labels.max()}, and the data's classes from 0 to "
            f"{len(classes) - 1}; number them so, or leave arr_1 out"
        )
    parts = images.split(evaluators.BLOCK)
    asked = labels.split(evaluators.BLOCK) if labels is not None else [None] * len(parts)
    samples, _ = protocol.look(with_progress(zip(parts, asked, strict=True), len(images)), classes)
    return protocol.evaluate(samples, "given", None)


def conclude(run: Run, evaluation: dict[str, Any], protocol: Protocol) -> None:
    """Of a run that is finished: its own evaluation enters `run.json` and TensorBoard's table of runs, as at the end of
    a training. Another kind of evaluation does not."""
    if _apart(run, evaluation, protocol) or run.record["status"] != "finished":
        return
    step, typed = run.record["iterations"], run.path / ".hydra" / "overrides.yaml"
    overrides = [str(override) for override in OmegaConf.load(typed)] if typed.is_file() else []
    with run.folder.written_if_possible():
        Record(run.folder, resumed=True).write(evaluation=evaluation | {"iterations": step})
        logger = loggers.TensorBoard().open(run.path)
        loggers.finish(logger, overrides, evaluation["figures"], step)
        logger.finalize("success")


def table(evaluation: dict[str, Any]) -> str:
    """Figures, and beside them those of real pictures and the noise of measuring, a line each."""
    n, real = evaluation["card"]["samples"], evaluation.get("floor_samples", 0)
    columns = {"samples": evaluation["figures"], "real": evaluation["floors"], "noise": evaluation.get("noise", {})}
    columns = {name: column for name, column in columns.items() if column}
    lines = [" " * 28 + "".join(f"{name:>12}" for name in columns)]
    for name in evaluation["figures"]:
        cells = (f"{column[name]:12.4f}" if name in column else " " * 12 for column in columns.values())
        lines.append(f"{name:28}{''.join(cells)}".rstrip())
    if 0 < real < n:
        lines.append(f"The real figures are of {real} held-out pictures, all there are; fewer have a larger distance.")
    return "\n".join(lines)


def beside_neighbours(samples: Samples, images: Tensor, protocol: Protocol, columns: int = 10, rows: int = 4) -> Image:
    """Pairs of rows: samples, and below each its nearest training picture."""
    shown = slice(0, columns * rows)
    _, indices = nearest(samples.features[shown], protocol.train.features)
    pairs = zip(
        images[shown].split(columns),
        protocol.pictures.images[protocol.train.order[indices]].split(columns),
        strict=True,
    )
    sheet = [row for pair in pairs for row in pair]
    labels = ["real" if i % 2 else "sample" for i, row in enumerate(sheet) for _ in row]
    return grid(torch.cat(sheet), columns, labels)


def _keep(run: Run, evaluation: dict[str, Any], samples: Samples, images: Tensor, protocol: Protocol) -> None:
    """In the run's folder: a line of `metrics.jsonl`, `samples/neighbours.png`, and events for TensorBoard.

    Pictures and curves of another kind than the run's own evaluation say so in their name: `evaluation_raw`.
    """
    run.folder.append_metrics(evaluation)
    other = _apart(run, evaluation, protocol)
    pairs = beside_neighbours(samples, images, protocol)
    sheet = run.folder.neighbours(other)
    with whole(sheet) as temporary:
        pairs.save(temporary)
    with SummaryWriter(str(run.path)) as writer:
        step = evaluation["step"]
        for name, value in evaluation["figures"].items():
            writer.add_scalar(f"evaluation{other}/{name}", value, step)
        writer.add_histogram(f"evaluation{other}/classes", samples.probabilities.argmax(1), step)
        caption = "Samples, and below each the training picture that is nearest to it by the evaluator's features"
        loggers.add_picture(writer, f"evaluation{other}/neighbours", sheet, step, caption)


def _apart(run: Run, evaluation: dict[str, Any], protocol: Protocol) -> str:
    """What sets an evaluation apart from the run's own, such as `_raw_samples-200`; of the run's own nothing."""
    card, checkpoint, config = evaluation["card"], evaluation["checkpoint"], run.config
    if before := run.record.get("evaluation", {}).get("card"):
        same_evaluator = all(before[key] == card[key] for key in ("evaluator", "evaluator_sha256"))
    else:
        same_evaluator = config.data.get("evaluator") in (None, protocol.data.evaluator)
    parts = {
        card["evaluator"]: same_evaluator,
        f"data-{card['reference_sha256'][:8]}": card["reference_sha256"] == run.record["data"]["sha256"],
        card["weights"]: card["weights"] == ("ema" if config.train.ema_decay else "raw"),
        f"samples-{card['samples']}": card["samples"] == config.evaluation.final,
        f"seed-{card['seed']}": card["seed"] == 0,
        Path(checkpoint).stem: checkpoint == run.checkpoint().stem,
    }
    return "".join(f"_{part}" for part, usual in parts.items() if not usual)


def with_progress(batches: Batches, n: int) -> Batches:
    """The same, with a bar on a terminal."""
    with tqdm(total=n, desc="evaluating", disable=not sys.stderr.isatty(), leave=False) as bar:
        for images, labels in batches:
            yield images, labels
            bar.update(len(images))
