"""The embeddings of real pictures. They are computed once and then kept in the user's cache."""

import torch
from torch import Tensor

from ganexp.console import progress
from ganexp.data.dataset import Pictures
from ganexp.evaluators.cache_key import key_of
from ganexp.evaluators.evaluator import BATCH_SIZE, Evaluator
from ganexp.files.cache import cached
from ganexp.metrics.embeddings import Reference
from ganexp.metrics.frechet import Statistics
from ganexp.seeds import shuffled

PICTURES_PER_STEP = 8 * BATCH_SIZE
"""Pictures between two steps of the progress bar."""


def reference(evaluator: Evaluator, pictures: Pictures, class_numbers: Tensor | None = None) -> Reference:
    """These pictures as the evaluator sees them, from the cache if they were computed before.

    class_numbers: the evaluator's number of each class of the pictures, int64 [K]; None if the evaluator lacks a class.
    """
    sha256 = pictures.sha256()
    order = shuffled(len(pictures.images))

    def compute() -> dict[str, Tensor]:
        parts = pictures.images[order].split(PICTURES_PER_STEP)
        bar = progress.bar(parts, f"{evaluator.name} on real pictures")
        features, probabilities = map(torch.cat, zip(*map(evaluator.embed, bar), strict=True))
        statistics = Statistics.of(features)
        sums = {"total": statistics.total, "outer": statistics.outer}
        return {"features": features, "probabilities": probabilities} | sums

    name = f"references/{evaluator.name}-{key_of(evaluator, sha256)}.pt"
    # Mapped into memory: while a run trains, only the statistics are read.
    stored = cached(name, compute, mmap=True)
    labels = stored["probabilities"].argmax(1)
    if pictures.labels is not None and class_numbers is not None:
        labels = class_numbers[pictures.labels[order]]
    return Reference(
        stored["features"],
        stored["probabilities"],
        order,
        labels,
        Statistics(len(stored["features"]), stored["total"].clone(), stored["outer"].clone()),
        sha256,
    )
