"""What another evaluator says of the same pictures.

A generator that was chosen by one evaluator may have learned that evaluator's weaknesses. Another evaluator, which
chooses nothing, shows them.
"""

import dataclasses

from torch import Tensor

from ganexp.data.dataset import Pictures
from ganexp.evaluation import Evaluation
from ganexp.evaluators.cache_key import code_of_metrics, key_of
from ganexp.evaluators.evaluator import Evaluator
from ganexp.evaluators.reference import reference
from ganexp.files.cache import cached
from ganexp.metrics.suite import noise, second_opinion


class SecondOpinion:
    """An evaluator and the real pictures as it sees them. It measures distances alone, which need no classes."""

    def __init__(self, evaluator: Evaluator, pictures: Pictures, held_out: Pictures | None):
        """held_out: None if the data has none."""
        self.evaluator = evaluator
        self.train = reference(evaluator, pictures)
        self.test = reference(evaluator, held_out) if held_out is not None else None

    def added(self, evaluation: Evaluation, images: Tensor) -> Evaluation:
        """The evaluation of uint8 [N, C, H, W], with this opinion beside its own metrics."""
        name, features = self.evaluator.name, self.evaluator.embed(images)[0]
        return dataclasses.replace(
            evaluation,
            metrics=evaluation.metrics | second_opinion(features, self.train, name),
            card=dataclasses.replace(
                evaluation.card, second_evaluator=name, second_evaluator_sha256=self.evaluator.card["sha256"]
            ),
            floors=evaluation.floors | self._floors(len(images)),
            noise=evaluation.noise | noise(features, self.train, name),
        )

    def _floors(self, n: int) -> dict[str, float]:
        """The metrics of n held-out pictures, computed once for all runs."""
        test = self.test
        if test is None:
            return {}
        key = key_of(self.evaluator, code_of_metrics(), self.train.sha256, test.sha256, n)
        file = f"floors/{self.evaluator.name}-{key}.pt"
        return cached(file, lambda: second_opinion(test.features[:n], self.train, self.evaluator.name))
