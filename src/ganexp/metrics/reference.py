"""The features of real pictures that generated ones are compared with; computed once, then kept in the user's cache."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import pooch
import torch
from torch import Tensor

from ganexp.data.dataset import Pictures
from ganexp.metrics.classes import histogram
from ganexp.metrics.evaluator import Evaluator
from ganexp.metrics.frechet import Statistics


@dataclass(frozen=True)
class Reference:
    """Of all pictures of a split, in their order: features float32 [N, F], probabilities float32 [N, K].

    labels: int64 [N], the evaluator's classes, by the data's own labels where these are the same classes.
    sha256: of the pictures.
    """

    features: Tensor
    probabilities: Tensor
    labels: Tensor
    statistics: Statistics
    sha256: str

    @property
    def shares(self) -> Tensor:
        """Of the classes, float64 [K]."""
        return histogram(self.labels, self.probabilities.shape[1])

    def some(self, n: int) -> Tensor:
        """The features of n pictures drawn at random, the same at every call; all, if there are fewer."""
        return self.features[some(len(self.features), n)]


def some(size: int, n: int) -> Tensor:
    """The same n indices below `size` at every call, int64 [min(n, size)], drawn at random: data has an order."""
    return torch.randperm(size, generator=torch.Generator().manual_seed(0))[:n]


def reference(evaluator: Evaluator, pictures: Pictures) -> Reference:
    """Of these pictures under this evaluator, both known by their hashes; computed at the first call."""
    sha256 = pictures.sha256()
    key = hashlib.sha256(f"{evaluator.card['sha256']} {sha256}".encode()).hexdigest()[:16]
    path = Path(pooch.os_cache("ganexp")) / "references" / f"{evaluator.name}-{key}.pt"
    if not path.is_file():
        features, probabilities = evaluator(pictures.images)
        statistics = Statistics.of(features)
        kept = {"features": features, "probabilities": probabilities}
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        torch.save(kept | {"total": statistics.total, "outer": statistics.outer}, temporary)
        os.replace(temporary, path)
    # Mapped, not read: while a run trains only the statistics are wanted.
    kept = torch.load(path, weights_only=True, mmap=True)
    labels = pictures.labels if pictures.classes == evaluator.classes else None
    return Reference(
        kept["features"],
        kept["probabilities"],
        labels if labels is not None else kept["probabilities"].argmax(1),
        Statistics(len(kept["features"]), kept["total"].clone(), kept["outer"].clone()),
        sha256,
    )
