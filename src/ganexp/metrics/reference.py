"""The features of real pictures that generated ones are compared with; computed once, then kept in the user's cache."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from ganexp import seeds
from ganexp.cache import cached
from ganexp.data.dataset import Pictures
from ganexp.metrics.classes import histogram
from ganexp.metrics.evaluator import BLOCK, Evaluator
from ganexp.metrics.frechet import Statistics

SHOWN = 8 * BLOCK
"""Pictures between two steps of the bar."""


@dataclass(frozen=True)
class Reference:
    """Of all pictures of a split: features float32 [N, F], probabilities float32 [N, K].

    order: int64 [N], which picture each of them is of. It is drawn at random, so that the first n are a fair choice:
        data has an order of its own.
    labels: int64 [N], the evaluator's classes, by the data's own labels where these are the same classes.
    sha256: of the pictures.
    """

    features: Tensor
    probabilities: Tensor
    order: Tensor
    labels: Tensor
    statistics: Statistics
    sha256: str

    @property
    def shares(self) -> Tensor:
        """Of the classes, float64 [K]."""
        return histogram(self.labels, self.probabilities.shape[1])


def shuffled(size: int) -> Tensor:
    """The same random order of `size` things at every call, int64 [size]."""
    return torch.randperm(size, generator=seeds.generator("reference"))


def key_of(evaluator: Evaluator, *about: Any) -> str:
    """Names what an evaluator makes of something: the same weights may be used in two ways, and by other code."""
    code = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    seen_by = (evaluator.name, evaluator.card["sha256"], evaluator.architecture)
    return hashlib.sha256(repr((code, seen_by, about)).encode()).hexdigest()[:16]


def reference(evaluator: Evaluator, pictures: Pictures) -> Reference:
    """Of these pictures under this evaluator, both known by their hashes; computed at the first call."""
    sha256 = pictures.sha256()
    order = shuffled(len(pictures.images))

    def compute() -> dict[str, Tensor]:
        blocks = pictures.images[order].split(SHOWN)
        bar = tqdm(blocks, f"{evaluator.name} on real pictures", disable=not sys.stderr.isatty(), leave=False)
        features, probabilities = map(torch.cat, zip(*map(evaluator, bar), strict=True))
        statistics = Statistics.of(features)
        sums = {"total": statistics.total, "outer": statistics.outer}
        return {"features": features, "probabilities": probabilities} | sums

    # While a run trains only the statistics are looked at.
    kept = cached(f"references/{evaluator.name}-{key_of(evaluator, sha256)}.pt", compute, mmap=True)
    known = pictures.labels is not None and pictures.classes == evaluator.classes
    return Reference(
        kept["features"],
        kept["probabilities"],
        order,
        pictures.labels[order] if known else kept["probabilities"].argmax(1),  # type: ignore[index]
        Statistics(len(kept["features"]), kept["total"].clone(), kept["outer"].clone()),
        sha256,
    )
