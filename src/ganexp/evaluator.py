"""Train an evaluator, the classifier that measures: `python -m ganexp.evaluator data=mnist`."""

from ganexp import interruption

if __name__ == "__main__":
    interruption.leave_at_once()

import logging
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from pydantic.dataclasses import dataclass

from ganexp import command
from ganexp.config import STRICT, parse
from ganexp.errors import UserError

log = logging.getLogger("ganexp")


@dataclass(frozen=True, config=STRICT)
class Classifier:
    name: str
    architecture: dict[str, Any]
    recipe: dict[str, Any]


@dataclass(frozen=True, config=STRICT)
class TrainEvaluator:
    data: dict[str, Any]
    classifier: Classifier
    out: str | None
    note: str | None


def train(composed: DictConfig) -> None:
    config: TrainEvaluator = parse(composed, TrainEvaluator)
    if config.out is not None and not config.out.endswith(".pt"):
        raise UserError(f"out={config.out}: the weights are a .pt file: type out={config.out}.pt")
    path = command.writable(Path(config.out or f"{config.classifier.name}.pt"))

    # Torch takes seconds to import; a mistake should be told before.
    from ganexp import build
    from ganexp.metrics.classifier import Architecture
    from ganexp.metrics.recipe import Recipe
    from ganexp.metrics.training import train_evaluator

    architecture = build.instantiate("classifier.architecture", config.classifier.architecture, Architecture)
    recipe = build.instantiate("classifier.recipe", config.classifier.recipe, Recipe)
    train_evaluator(build.dataset(config.data), architecture, recipe, path, config.note)


def main() -> None:
    command.run("evaluator", train)


if __name__ == "__main__":
    main()
