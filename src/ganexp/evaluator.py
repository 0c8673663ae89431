"""Train an evaluator, the classifier that measures: `python -m ganexp.evaluator data=mnist`."""

from ganexp.processes import interruption

if __name__ == "__main__":
    interruption.leave_at_once()

import logging
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig
from pydantic.dataclasses import dataclass

from ganexp import command
from ganexp.config import parse
from ganexp.console.out import writable
from ganexp.errors import UserError
from ganexp.fields import STRICT

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
    device: Literal["auto", "cpu", "cuda", "mps"]
    note: str | None


def train(composed: DictConfig) -> None:
    config: TrainEvaluator = parse(composed, TrainEvaluator)
    if config.out is not None and not config.out.endswith(".pt"):
        raise UserError(f"out={config.out}: the weights are a .pt file: type out={config.out}.pt")
    path = writable(Path(config.out or f"{config.classifier.name}.pt"))
    if path.name.startswith("test_"):  # `fid_test_cnn` is the FID of held-out pictures by the evaluator `cnn`.
        raise UserError(f"out={path}: the name of an evaluator cannot begin with test_: choose another one")

    # Torch takes seconds to import. Mistakes on the command line are reported first.
    from ganexp import build, device
    from ganexp.evaluators.classifier import ClassifierOptions
    from ganexp.evaluators.fitting import Fitting
    from ganexp.evaluators.training import train_evaluator

    chosen = device.choose(config.device)
    architecture = build.instantiate("classifier.architecture", config.classifier.architecture, ClassifierOptions)
    fitting = build.instantiate("classifier.recipe", config.classifier.recipe, Fitting)
    train_evaluator(build.dataset(config.data), architecture, fitting, path, config.note, chosen)


def main() -> None:
    command.run("evaluator", train)


if __name__ == "__main__":
    main()
