"""The protocol: every figure of a set of pictures, and the same figures of real ones beside them."""

from dataclasses import dataclass
from statistics import stdev

from torch import Tensor

from ganexp.metrics.classes import classifier_score, divergence, histogram, missing
from ganexp.metrics.frechet import Statistics, frechet_distance
from ganexp.metrics.kernel import kernel_distance
from ganexp.metrics.neighbours import kth_distance, nearest, prdc
from ganexp.metrics.reference import Reference

PAIRED = 5000
"""Pictures on either side for precision, recall, density and coverage."""
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


def quick(samples: Samples, train: Reference, name: str) -> dict[str, float]:
    """What is worth its time while a run trains: the distance, the classes, duplicates."""
    figures = {
        f"fid_{name}": frechet_distance(train.statistics, Statistics.of(samples.features)),
        "class_divergence": divergence(samples.shares, train.shares),
        "modes": float(len(train.shares) - len(missing(samples.shares, train.shares, len(samples.features)))),
        "duplicates": _duplicates(samples.features[:GLANCED], train.features),
    }
    if samples.asked is not None:
        figures["class_accuracy"] = (samples.probabilities.argmax(1) == samples.asked).double().mean().item()
    return figures


def full(samples: Samples, train: Reference, test: Reference | None, name: str) -> dict[str, float]:
    """Every figure. `test` is None where the data has no held-out pictures: what needs them is left out."""
    features = samples.features
    figures = quick(samples, train, name)
    figures["duplicates"] = _duplicates(features, train.features)
    if test is not None:
        figures[f"fid_test_{name}"] = frechet_distance(test.statistics, Statistics.of(features))
    figures[f"kid_{name}"] = kernel_distance(features, train.features[: len(features)])
    found = prdc(train.features[:PAIRED], features[:PAIRED])
    figures |= {
        "precision": found.precision,
        "recall": found.recall,
        "density": found.density,
        "coverage": found.coverage,
        "classifier_score": classifier_score(samples.probabilities),
    }
    if test is not None:
        held_out = test.features[:SEARCHED]
        real = nearest(held_out, train.features)[0]
        fake = nearest(features[:SEARCHED], train.features)[0]
        figures["neighbour_distance"] = (fake.median() / real.median()).item()
        figures["copies"] = (fake <= real.quantile(COPY)).double().mean().item()
    return figures | _by_class(samples, train, name)


def floors(train: Reference, test: Reference, n: int, name: str, conditional: bool) -> dict[str, float]:
    """The figures of `n` held-out pictures taken for samples, and of as many training ones against the held-out."""
    real = Samples(test.features[:n], test.probabilities[:n], test.labels[:n] if conditional else None)
    of_train = frechet_distance(test.statistics, Statistics.of(train.features[:n]))
    return full(real, train, test, name) | {f"fid_test_{name}": of_train}


def noise(samples: Samples, train: Reference, name: str) -> dict[str, float]:
    """Standard deviation of the distance were as many samples drawn anew, by PARTS disjoint parts of these."""
    parts = samples.features.chunk(PARTS)
    distances = [frechet_distance(train.statistics, Statistics.of(part)) for part in parts]
    return {f"fid_{name}": stdev(distances) / PARTS**0.5}


def _duplicates(features: Tensor, real: Tensor) -> float:
    """Share of samples as close to another one as a hundredth of as many real pictures are."""
    n = min(len(features), len(real))  # Among more pictures the nearest is nearer.
    close = kth_distance(real[:n], 1).quantile(COPY)
    return (kth_distance(features[:n], 1) <= close).double().mean().item()


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
