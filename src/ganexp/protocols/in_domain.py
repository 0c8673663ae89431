"""The in-domain protocol: an evaluator that was trained on pictures of the same kind measures generated ones."""

import dataclasses
import itertools
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from ganexp import results
from ganexp.data.dataset import Dataset, Pictures
from ganexp.errors import UserError
from ganexp.evaluation import Card, Evaluation
from ganexp.evaluators import evaluator as evaluators
from ganexp.evaluators.cache_key import code_of_metrics, key_of
from ganexp.evaluators.evaluator import Evaluator
from ganexp.evaluators.reference import reference
from ganexp.files.cache import cached
from ganexp.metrics.embeddings import Embeddings, Reference
from ganexp.metrics.frechet import Statistics, frechet_distance
from ganexp.metrics.monge import DIRECTIONS, SEED
from ganexp.metrics.neighbours import nearest
from ganexp.metrics.suite import PRDC_NEIGHBOUR, Baseline, Real, floors, full, missing_classes, noise, quick
from ganexp.pictures.drawing import grid
from ganexp.pictures.sampling import (
    LabelsAt,
    PictureStream,
    classes_in_proportion,
    classes_in_turn,
    sample,
    with_progress,
)
from ganexp.protocols import gan_train
from ganexp.protocols.second_opinion import SecondOpinion
from ganexp.run import Run


class InDomain:
    """An evaluator and the real pictures of one dataset, ready to measure generated pictures."""

    def __init__(self, data: Dataset, pictures: Pictures, device: torch.device | str = "cpu"):
        """pictures: what `data` loads for training.

        UserError if the data names no evaluator, or an evaluator of pictures of another shape, or one evaluator twice,
        or if there are too few pictures for metrics of neighbours.
        """
        if data.evaluator is None:
            raise UserError(
                "data.evaluator is not set, so there is nothing to measure with: name an evaluator that comes with "
                f"ganexp ({', '.join(evaluators.shipped())}), or a .pt file that python -m ganexp.evaluator wrote"
            )
        _check_enough(pictures, "training")
        self.data, self.pictures = data, pictures
        self.evaluator = self._load("data.evaluator", data.evaluator, device)
        self.second_evaluator = None
        if data.second_evaluator is not None:
            self.second_evaluator = self._load("data.second_evaluator", data.second_evaluator, device)
            if self.second_evaluator.name == self.evaluator.name:
                raise UserError(
                    f"data.second_evaluator={data.second_evaluator}: data.evaluator has this name already, and a "
                    "second opinion comes from another evaluator: name another, or type data.second_evaluator=null"
                )

    def _load(self, key: str, named: str, device: torch.device | str) -> Evaluator:
        """The evaluator of that name; UserError if it measures pictures of another shape."""
        loaded = evaluators.load(named, device, key)
        if self.pictures.shape != loaded.shape:
            raise UserError(
                f"{key}={named} measures pictures of {loaded.shape} (channels, height, width), and the data has "
                f"pictures of {self.pictures.shape}. Pictures are never resized for a measurement: name another "
                f"evaluator, train one with python -m ganexp.evaluator, or measure nothing with {key}=null"
            )
        return loaded

    @cached_property
    def train(self) -> Reference:
        """The training pictures, as the evaluator sees them."""
        return reference(self.evaluator, self.pictures, self.class_numbers)

    @cached_property
    def test(self) -> Reference | None:
        """The held-out pictures; None if the data has none, such as a folder of pictures."""
        pictures = self.data.load("test")
        _check_enough(pictures, "held-out")
        test = reference(self.evaluator, pictures, self.class_numbers)
        return test if test.sha256 != self.train.sha256 else None

    @cached_property
    def class_numbers(self) -> Tensor | None:
        """For each class of the data, the evaluator's number, int64 [K]; None if the evaluator lacks a class.

        Classes are compared by name. Only the pictures that the evaluator was trained on may have other names.
        """
        own, named = self.evaluator.classes, self.pictures.classes
        if named and self.pictures.sha256() == self.evaluator.card.get("data_sha256"):
            return torch.arange(len(named))
        if not named or not set(named) <= set(own):
            return None
        return torch.tensor([own.index(name) for name in named])

    @cached_property
    def knows_data(self) -> bool:
        """Whether the evaluator recognises the classes of the real pictures.

        An evaluator that only guesses does not. Any other evaluator does if it was trained on these pictures, or if its
        accuracy on them is at least half as far above chance as on its own test pictures. If the pictures have no
        labels of its classes, the answer is no.
        """
        card, labels, numbers = self.evaluator.card, self.pictures.labels, self.class_numbers
        if evaluators.only_guesses(card):
            return False
        if self.train.sha256 == card.get("data_sha256"):
            return True
        if labels is None or numbers is None:
            return False
        accuracy = (self.train.probabilities.argmax(1) == numbers[labels[self.train.order]]).double().mean().item()
        chance = 1 / len(self.evaluator.classes)
        return accuracy >= (chance + card.get("test_accuracy", 1.0)) / 2

    @property
    def asks_for_known_classes(self) -> bool:
        """Whether the evaluator has all classes of the data, and recognises them. Then labels can be checked."""
        return self.class_numbers is not None and self.knows_data

    @property
    def reference_name(self) -> str:
        """The training pictures by name: `MNIST train`, or `kmnist train` for other pictures in a folder `kmnist`."""
        root, name = getattr(self.data, "root", None), evaluators.dataset_of(self.train.sha256)
        if name is None:
            name = Path(root).expanduser().resolve().name if root is not None else type(self.data).__name__
        return f"{name} train"

    def floor(self, n: int) -> float | None:
        """The distance of n held-out pictures from the training pictures; None if the data has no held-out ones."""
        if self.test is None:
            return None
        return frechet_distance(self.train.statistics, Statistics.of(self.test.features[:n]))

    def labels_at(self, classes: tuple[str, ...]) -> LabelsAt:
        """The labels to ask of a generator of these classes.

        If the classes are those of the data, each is asked for as often as the data has it. Then samples in the data's
        own shares are perfect. The classes of other data are asked for in turn.
        """
        labels = self.pictures.labels
        if labels is None or classes != self.pictures.classes:
            return classes_in_turn
        return classes_in_proportion(torch.bincount(labels, minlength=len(classes)))

    def embed(self, stream: PictureStream, classes: tuple[str, ...]) -> tuple[Embeddings, Tensor]:
        """Pictures as the evaluator sees them, and the pictures themselves. classes: the names of the labels."""
        seen = [(images, *self.evaluator.embed(images), labels) for images, labels in stream]
        images, features, probabilities, labels = zip(*seen, strict=True)
        numbers = self.class_numbers if self.knows_data and classes == self.pictures.classes else None
        asked_for = numbers[torch.cat(labels)] if numbers is not None and labels[0] is not None else None
        known = torch.cat(probabilities) if self.knows_data else None
        return Embeddings(torch.cat(features), known, asked_for), torch.cat(images)

    def quick(self, samples: Embeddings) -> tuple[dict[str, float], list[str]]:
        """The metrics that are measured while a run trains, and the names of the classes that the samples lack."""
        names = [self.evaluator.classes[number] for number in missing_classes(samples, self.train)]
        return quick(samples, self.train, self.evaluator.name), names

    @cached_property
    def second_opinion(self) -> SecondOpinion | None:
        """What another evaluator says; None without one."""
        if self.second_evaluator is None:
            return None
        self.second_evaluator.network.to(self.evaluator.device)
        held_out = self.data.load("test") if self.test is not None else None
        return SecondOpinion(self.second_evaluator, self.pictures, held_out)

    def evaluate(self, samples: Embeddings, images: Tensor, weights: str, seed: int | None) -> Evaluation:
        """The full evaluation of embedded pictures. images: uint8 [N, C, H, W]. weights, seed: as in the card."""
        name, n = self.evaluator.name, len(samples.features)
        real = self._real(n)
        classes = self.evaluator.classes if samples.probabilities is not None else ()
        evaluation = Evaluation(
            metrics=full(samples, real, name),
            card=dataclasses.replace(self.card(n, weights, seed), directions=DIRECTIONS, directions_seed=SEED),
            floors=self._floors(real, samples),
            floor_samples=min(n, len(self.test.features)) if self.test is not None else 0,
            noise=noise(samples.features, self.train, name),
            classes=dict(zip(classes, samples.shares().tolist(), strict=True)) if classes else {},
            data_classes=dict(zip(classes, self.train.shares().tolist(), strict=True)) if classes else {},
        )
        return self.second_opinion.added(evaluation, images) if self.second_opinion is not None else evaluation

    def evaluate_run(
        self, run: Run, checkpoint: str | None, weights: str, n: int, seed: int, with_gan_train: bool = False
    ) -> Evaluation:
        """The full evaluation of n samples of a run's checkpoint, which is also kept in the run's folder.

        checkpoint, weights: as for `Run.checkpoint` and `Run.network`. with_gan_train: also `gan_train_accuracy`.
        """
        began = time.perf_counter()
        if with_gan_train:
            known = run.classes == self.pictures.classes and self.asks_for_known_classes
            gan_train.check(run, n, self.evaluator, known, self.test is not None)
        if run.shape != self.evaluator.shape:
            raise UserError(
                f"run={run.path}: its pictures of {run.shape} (channels, height, width) cannot be compared with data "
                f"of {self.evaluator.shape}; leave data= out"
            )
        path = run.checkpoint(checkpoint)
        network = run.network(path, weights, self.evaluator.device)
        stream = sample(network, n, seed, labels_at=self.labels_at(run.classes))
        samples, images = self.embed(with_progress(stream, n), run.classes)
        evaluation = self.evaluate(samples, images, weights, seed)
        metrics = dict(evaluation.metrics)
        if with_gan_train:
            held_out = self.data.load("test")
            assert samples.labels is not None and held_out.labels is not None and self.class_numbers is not None
            classes = self.evaluator.classes
            metrics["gan_train_accuracy"] = gan_train.accuracy(
                self.evaluator,
                Pictures(images, samples.labels, classes),
                Pictures(held_out.images, self.class_numbers[held_out.labels], classes),
                self.data.flip,
            )
        evaluation = dataclasses.replace(
            evaluation,
            metrics=metrics,
            run=str(run.path),
            checkpoint=run.name_of(path),
            step=run.iteration(path),
            seconds=round(time.perf_counter() - began, 2),
        )
        predicted = samples.probabilities.argmax(1) if samples.probabilities is not None else None
        results.keep(run, evaluation, self.data.evaluator, self.beside_neighbours(samples, images), predicted)
        return evaluation

    def evaluate_pictures(self, images: Tensor, labels: Tensor | None) -> Evaluation:
        """The full evaluation of given pictures, uint8 [N, C, H, W], with labels int64 [N] or None."""
        classes = self.pictures.classes
        if labels is not None and classes and not 0 <= labels.min() <= labels.max() < len(classes):
            raise UserError(
                f"samples: the labels, arr_1, go from {labels.min()} to {labels.max()}, but the data's classes go from "
                f"0 to {len(classes) - 1}; number the labels from 0 on, or leave arr_1 out"
            )
        parts = images.split(evaluators.BATCH_SIZE)
        of_parts = labels.split(evaluators.BATCH_SIZE) if labels is not None else [None] * len(parts)
        samples, _ = self.embed(with_progress(zip(parts, of_parts, strict=True), len(images)), classes)
        return self.evaluate(samples, images, "given", None)

    def card(self, n: int, weights: str, seed: int | None) -> Card:
        """The card of a measurement of n samples."""
        return Card(
            evaluator=self.evaluator.name,
            evaluator_sha256=self.evaluator.card["sha256"],
            reference=self.reference_name,
            reference_sha256=self.train.sha256,
            samples=n,
            weights=weights,
            seed=seed,
            evaluator_knows_data=self.knows_data,
        )

    def beside_neighbours(self, samples: Embeddings, images: Tensor, columns: int = 10, rows: int = 4) -> Image:
        """A sheet: a row of samples, below it the nearest real (training) picture of each, and so on."""
        shown = slice(0, columns * rows)
        _, indices = nearest(samples.features[shown], self.train.features)
        pairs = zip(
            images[shown].split(columns),
            self.pictures.images[self.train.order[indices]].split(columns),
            strict=True,
        )
        found = [row for pair in pairs for row in pair]
        labels = [name for row, name in zip(found, itertools.cycle(("sample", "real"))) for _ in row]
        return grid(torch.cat(found), columns, labels)

    def _real(self, n: int) -> Real:
        """The real pictures that n samples are compared with. What they give is computed once for all runs."""
        train, test = self.train, self.test
        key = key_of(self.evaluator, code_of_metrics(), train.sha256, test.sha256 if test is not None else None, n)
        name = f"references/{self.evaluator.name}-{n}-{key}.pt"
        baseline = Baseline(**cached(name, lambda: vars(Baseline.of(train, test, n))))
        return Real(train, test, n, baseline)

    def _floors(self, real: Real, samples: Embeddings) -> dict[str, float]:
        """The metrics of real pictures. They are computed once for all runs, because they are half of the work."""
        if real.test is None:
            return {}
        name = self.evaluator.name
        shares = [split.shares().tolist() for split in (real.train, real.test)]
        of_classes = samples.probabilities is not None, samples.labels is not None
        about: tuple[Any, ...] = (real.train.sha256, real.test.sha256, shares, real.n, of_classes)
        key = key_of(self.evaluator, code_of_metrics(), *about)
        return cached(f"floors/{name}-{key}.pt", lambda: floors(real, name, samples))


def _check_enough(pictures: Pictures, split: str) -> None:
    """UserError if a picture of this split does not have enough neighbours."""
    n = len(pictures.images)
    if n <= PRDC_NEIGHBOUR:
        raise UserError(
            f"an evaluation needs at least {PRDC_NEIGHBOUR + 1} {split} pictures, and the data has {n}: take more "
            "pictures, or measure nothing with data.evaluator=null"
        )
