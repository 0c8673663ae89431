"""All metrics of a set of pictures, and the same metrics of real pictures beside them."""

from dataclasses import dataclass
from statistics import stdev

from torch import Tensor

from ganexp.metrics.classes import classifier_score, divergence, expected, missing
from ganexp.metrics.embeddings import Embeddings, Reference
from ganexp.metrics.frechet import Statistics, frechet_distance
from ganexp.metrics.kernel import kernel_distance, within
from ganexp.metrics.monge import monge_distance
from ganexp.metrics.neighbours import kth_distance, nearest, prdc

PRDC_PICTURES = 5000
"""Pictures on either side for precision, recall, density and coverage."""
PRDC_NEIGHBOUR = 5
"""The ball around a picture reaches to its neighbour of this number (k)."""
COPY_PICTURES = 2000
"""Pictures whose nearest training picture is searched for."""
QUICK_DUPLICATE_PICTURES = 1000
"""Pictures among which duplicates are searched for while a run trains."""
NOISE_PARTS = 5
"""Parts of the samples. How much their distances scatter tells how noisy a distance is."""
CLOSE_SHARE = 0.01
"""A copy is as close to a training picture as this share of held-out pictures is. A duplicate is as close to another
sample as this share of training pictures is to another one."""


@dataclass(frozen=True)
class Baseline:
    """What is computed from n real pictures alone. It is the same for all samples, so it is computed once.

    close: the distance within which CLOSE_SHARE of n training pictures have a neighbour, float32 [].
    balls: the distance of each training picture from its k-th neighbour, float32 [PRDC_PICTURES].
    kernel: the kernel's mean within n training pictures, float64 [].
    held_out: the distance of each held-out picture from the nearest training picture, float32 [COPY_PICTURES]; None
        without held-out pictures.
    """

    close: Tensor
    balls: Tensor
    kernel: Tensor
    held_out: Tensor | None

    @classmethod
    def of(cls, train: Reference, test: Reference | None, n: int) -> "Baseline":
        held_out = nearest(test.features[:COPY_PICTURES], train.features)[0] if test is not None else None
        balls = kth_distance(train.features[:PRDC_PICTURES], PRDC_NEIGHBOUR)
        return cls(_close(train.features[:n]), balls, within(train.features[:n]), held_out)


@dataclass(frozen=True)
class Real:
    """The real pictures that n samples are compared with. test: None if no pictures were held out."""

    train: Reference
    test: Reference | None
    n: int
    baseline: Baseline

    @classmethod
    def of(cls, train: Reference, test: Reference | None, n: int) -> "Real":
        return cls(train, test, n, Baseline.of(train, test, n))


def quick(samples: Embeddings, train: Reference, name: str) -> dict[str, float]:
    """The metrics that are cheap enough while a run trains: the distance, classes and duplicates.

    name: the evaluator's name, which stands in the names of some metrics.
    """
    distance = {f"fid_{name}": frechet_distance(train.statistics, Statistics.of(samples.features))}
    # In a larger set the nearest neighbours are nearer, so as many samples are compared as real pictures.
    some = samples.features[: min(QUICK_DUPLICATE_PICTURES, len(train.features))]
    duplicates = {"duplicates": _duplicates(some, _close(train.features[: len(some)]))}
    return distance | _shares(samples, train) | duplicates | _accuracy(samples)


def full(samples: Embeddings, real: Real, name: str) -> dict[str, float]:
    """Every metric. Metrics that need held-out pictures are left out if there are none, and metrics of classes if the
    evaluator does not know the classes."""
    features, train, test, baseline = samples.features, real.train, real.test, real.baseline
    statistics = Statistics.of(features)
    metrics = {f"fid_{name}": frechet_distance(train.statistics, statistics)}
    metrics |= _shares(samples, train)
    metrics["duplicates"] = _duplicates(features[: len(train.features)], baseline.close)
    metrics |= _accuracy(samples)
    if test is not None:
        metrics[f"fid_test_{name}"] = frechet_distance(test.statistics, statistics)
    metrics[f"kid_{name}"] = kernel_distance(features, train.features[: real.n], baseline.kernel)
    metrics[f"mind_{name}"] = monge_distance(features, train.features[: real.n])
    found = prdc(train.features[:PRDC_PICTURES], features[:PRDC_PICTURES], PRDC_NEIGHBOUR, baseline.balls)
    metrics |= {
        "precision": found.precision,
        "recall": found.recall,
        "density": found.density,
        "coverage": found.coverage,
    }
    if samples.probabilities is not None:
        metrics["classifier_score"] = classifier_score(samples.probabilities)
    if baseline.held_out is not None:
        fake = nearest(features[:COPY_PICTURES], train.features)[0]
        metrics["neighbour_distance"] = (fake.median() / baseline.held_out.median()).item()
        metrics["copies"] = (fake <= baseline.held_out.quantile(CLOSE_SHARE)).double().mean().item()
    return metrics | _by_class(samples, train, name)


def floors(real: Real, name: str, like: Embeddings) -> dict[str, float]:
    """The metrics of n held-out pictures instead of samples. `fid_test` is of n training pictures instead.

    like: the samples; the real pictures get class probabilities and labels if the samples have them.
    """
    train, test = real.train, real.test
    assert test is not None
    features = test.features[: real.n]
    probabilities = test.probabilities[: real.n] if like.probabilities is not None else None
    held_out = Embeddings(features, probabilities, test.labels[: real.n] if like.labels is not None else None)
    of_train = frechet_distance(test.statistics, Statistics.of(train.features[: real.n]))
    as_many = real if len(features) == real.n else Real.of(train, test, len(features))
    return full(held_out, as_many, name) | {f"fid_test_{name}": of_train}


def noise(features: Tensor, train: Reference, name: str) -> dict[str, float]:
    """Standard deviation of the distances if as many samples were drawn again, estimated from NOISE_PARTS parts.

    features: of the samples, float32 [N, F].
    """
    parts = features.chunk(NOISE_PARTS)
    distances = {
        f"fid_{name}": [frechet_distance(train.statistics, Statistics.of(part)) for part in parts],
        f"mind_{name}": [monge_distance(part, train.features[: len(part)]) for part in parts],
    }
    return {name: stdev(found) / NOISE_PARTS**0.5 for name, found in distances.items()}


def second_opinion(features: Tensor, train: Reference, name: str) -> dict[str, float]:
    """The metrics of an evaluator that checks another evaluator: the distances of features, float32 [N, F]."""
    return {
        f"fid_{name}": frechet_distance(train.statistics, Statistics.of(features)),
        f"mind_{name}": monge_distance(features, train.features[: len(features)]),
    }


def missing_classes(samples: Embeddings, train: Reference) -> list[int]:
    """Classes that the samples lack; none if the evaluator does not know the classes."""
    if samples.probabilities is None:
        return []
    return missing(samples.shares(), train.shares(), len(samples.features))


def _close(real: Tensor) -> Tensor:
    """The distance within which CLOSE_SHARE of the pictures have a neighbour, float32 []."""
    return kth_distance(real, 1).quantile(CLOSE_SHARE)


def _duplicates(features: Tensor, close: Tensor) -> float:
    """Share of the pictures that have a neighbour within the distance `close`."""
    return (kth_distance(features, 1) <= close).double().mean().item()


def _shares(samples: Embeddings, train: Reference) -> dict[str, float]:
    if samples.probabilities is None:
        return {}
    of_train = train.shares()
    return {
        "class_divergence": divergence(samples.shares(), of_train),
        "modes": float(len(expected(of_train, len(samples.features))) - len(missing_classes(samples, train))),
    }


def _accuracy(samples: Embeddings) -> dict[str, float]:
    if samples.probabilities is None or samples.labels is None:
        return {}
    return {"class_accuracy": (samples.probabilities.argmax(1) == samples.labels).double().mean().item()}


def _by_class(samples: Embeddings, train: Reference, name: str) -> dict[str, float]:
    """The distance within each class that was asked for, and the mean of these distances."""
    if samples.labels is None:
        return {}
    distances = {}
    for label in samples.labels.unique().tolist():
        real, fake = train.features[train.labels == label], samples.features[samples.labels == label]
        if len(real) > 1 and len(fake) > 1:
            distances[f"fid_{name}/{label}"] = frechet_distance(Statistics.of(real), Statistics.of(fake))
    if not distances:  # Each class has one picture at most.
        return {}
    return {f"fid_{name}/mean": sum(distances.values()) / len(distances)} | distances
