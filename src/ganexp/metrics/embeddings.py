"""What metrics are computed from: the features and class probabilities of pictures."""

from dataclasses import dataclass

from torch import Tensor

from ganexp.metrics.classes import histogram
from ganexp.metrics.frechet import Statistics


@dataclass(frozen=True)
class Embeddings:
    """Generated pictures, as an evaluator sees them.

    features: float32 [N, F].
    probabilities: those of the evaluator's classes, float32 [N, K]; None if the evaluator does not know such pictures.
    labels: the evaluator's numbers of the classes that were asked for, int64 [N]; None without classes, or if the
        evaluator does not know them.
    """

    features: Tensor
    probabilities: Tensor | None
    labels: Tensor | None = None

    def shares(self) -> Tensor:
        """Share of the pictures in each of the evaluator's classes, float64 [K]."""
        assert self.probabilities is not None
        return histogram(self.probabilities.argmax(1), self.probabilities.shape[1])


@dataclass(frozen=True)
class Reference:
    """All real pictures of a split, as an evaluator sees them.

    features: float32 [N, F]. probabilities: float32 [N, K].
    order: int64 [N], the index of each picture in the data. The order is random, so that the first n are a fair choice.
    labels: int64 [N], numbers of the evaluator's classes: the data's own labels if the evaluator has all classes of the
        data, else the evaluator's most probable class.
    statistics: the statistics of all features.
    sha256: the hash of the pictures and their labels.
    """

    features: Tensor
    probabilities: Tensor
    order: Tensor
    labels: Tensor
    statistics: Statistics
    sha256: str

    def shares(self) -> Tensor:
        """Share of the pictures in each of the evaluator's classes, float64 [K]."""
        return histogram(self.labels, self.probabilities.shape[1])
