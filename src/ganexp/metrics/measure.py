"""The protocol: every figure of a set of pictures, and the same figures of real ones beside them."""

from dataclasses import dataclass
from functools import cached_property
from statistics import stdev

from torch import Tensor

from ganexp.metrics.classes import classifier_score, divergence, histogram, missing
from ganexp.metrics.frechet import Statistics, frechet_distance
from ganexp.metrics.kernel import kernel_distance, within
from ganexp.metrics.neighbours import kth_distance, nearest, prdc
from ganexp.metrics.reference import Reference

PAIRED, K = 5000, 5
"""Pictures on either side for precision, recall, density and coverage, and the neighbour that a ball reaches to."""
SEARCHED = 2000
"""Pictures whose nearest training picture is looked for."""
GLANCED = 1000
"""Pictures among which duplicates are looked for while a run trains."""
PARTS = 5
"""Parts of the samples whose distances tell how noisy a distance is."""
COPY = 0.01
"""Share of held-out pictures that lie as close to a training picture as what is called a copy."""


@dataclass(frozen=True)
class Samples:
    """features: float32 [N, F]; probabilities: float32 [N, K] of the evaluator's classes. asked: int64 [N],
    the classes that were asked for, or None."""

    features: Tensor
    probabilities: Tensor
    asked: Tensor | None = None

    @property
    def shares(self) -> Tensor:
        """Of the classes that the evaluator sees, float64 [K]."""
        return histogram(self.probabilities.argmax(1), self.probabilities.shape[1])


@dataclass(frozen=True)
class Real:
    """Real pictures, for n samples to be held against. What does not depend on the samples is computed once.

    test: None where the data has no held-out pictures.
    """

    train: Reference
    test: Reference | None
    n: int

    @cached_property
    def close(self) -> float:
        """How close to another one a hundredth of n training pictures are."""
        return _close(self.train.features[: self.n])

    @cached_property
    def balls(self) -> Tensor:
        """How far the K-th neighbours of training pictures are, float [PAIRED]."""
        return kth_distance(self.train.features[:PAIRED], K)

    @cached_property
    def kernel(self) -> Tensor:
        """The kernel's mean within n training pictures."""
        return within(self.train.features[: self.n])

    @cached_property
    def held_out(self) -> Tensor:
        """How far held-out pictures are from the nearest training picture, float [SEARCHED]."""
        assert self.test is not None
        return nearest(self.test.features[:SEARCHED], self.train.features)[0]


def quick(samples: Samples, train: Reference, name: str) -> dict[str, float]:
    """What is worth its time while a run trains: the distance, the classes, duplicates."""
    # Among more pictures the nearest is nearer: as many are compared as the data has.
    glance = samples.features[: min(GLANCED, len(train.features))]
    figures = {
        f"fid_{name}": frechet_distance(train.statistics, Statistics.of(samples.features)),
        "class_divergence": divergence(samples.shares, train.shares),
        "modes": float(len(train.shares) - len(missing(samples.shares, train.shares, len(samples.features)))),
        "duplicates": _duplicates(glance, _close(train.features[: len(glance)])),
    }
    if samples.asked is not None:
        figures["class_accuracy"] = (samples.probabilities.argmax(1) == samples.asked).double().mean().item()
    return figures


def full(samples: Samples, real: Real, name: str) -> dict[str, float]:
    """Every figure, but for those that need held-out pictures where the data has none."""
    features, train, test = samples.features, real.train, real.test
    figures = quick(samples, train, name)
    figures["duplicates"] = _duplicates(features[: len(train.features)], real.close)
    if test is not None:
        figures[f"fid_test_{name}"] = frechet_distance(test.statistics, Statistics.of(features))
    figures[f"kid_{name}"] = kernel_distance(features, train.features[: real.n], real.kernel)
    found = prdc(train.features[:PAIRED], features[:PAIRED], K, real.balls)
    figures |= {
        "precision": found.precision,
        "recall": found.recall,
        "density": found.density,
        "coverage": found.coverage,
        "classifier_score": classifier_score(samples.probabilities),
    }
    if test is not None:
        fake = nearest(features[:SEARCHED], train.features)[0]
        figures["neighbour_distance"] = (fake.median() / real.held_out.median()).item()
        figures["copies"] = (fake <= real.held_out.quantile(COPY)).double().mean().item()
    return figures | _by_class(samples, train, name)


def floors(real: Real, name: str, conditional: bool) -> dict[str, float]:
    """The figures of n held-out pictures taken for samples, and of as many training ones against the held-out."""
    train, test = real.train, real.test
    assert test is not None
    features, labels = test.features[: real.n], test.labels[: real.n]
    held_out = Samples(features, test.probabilities[: real.n], labels if conditional else None)
    of_train = frechet_distance(test.statistics, Statistics.of(train.features[: real.n]))
    as_many = real if len(features) == real.n else Real(train, test, len(features))
    return full(held_out, as_many, name) | {f"fid_test_{name}": of_train}


def noise(samples: Samples, train: Reference, name: str) -> dict[str, float]:
    """Standard deviation of the distance were as many samples drawn anew, by PARTS disjoint parts of these."""
    parts = samples.features.chunk(PARTS)
    distances = [frechet_distance(train.statistics, Statistics.of(part)) for part in parts]
    return {f"fid_{name}": stdev(distances) / PARTS**0.5}


def _close(real: Tensor) -> float:
    """How close to another one a hundredth of the pictures are."""
    return kth_distance(real, 1).quantile(COPY).item()


def _duplicates(features: Tensor, close: float) -> float:
    """Share of samples as close to another one."""
    return (kth_distance(features, 1) <= close).double().mean().item()


def _by_class(samples: Samples, train: Reference, name: str) -> dict[str, float]:
    """The distance within each class that was asked for, and the classes' mean."""
    if samples.asked is None:
        return {}
    figures = {}
    for label in samples.asked.unique().tolist():
        real, fake = train.features[train.labels == label], samples.features[samples.asked == label]
        if len(real) > 1 and len(fake) > 1:
            figures[f"fid_{name}/{label}"] = frechet_distance(Statistics.of(real), Statistics.of(fake))
    if not figures:  # A picture or two of each class: there is nothing to compare.
        return {}
    return {f"fid_{name}/mean": sum(figures.values()) / len(figures)} | figures
