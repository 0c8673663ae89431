"""The alarm: it says in plain words when a training has gone wrong, and what usually helps."""

import logging
import math
from dataclasses import dataclass
from typing import Any

from ganexp.callbacks.callback import Callback
from ganexp.callbacks.evaluation import TrainingEvaluation
from ganexp.callbacks.finite import stop_if_not_finite
from ganexp.config import Config
from ganexp.console.arguments import line, override
from ganexp.gan import GAN
from ganexp.run_folder.folder import RunFolder, step_of
from ganexp.run_folder.record import Record

log = logging.getLogger("ganexp")

USUAL = 10_000
"""Iterations that the tutorial's recipe takes. A shorter run is told to train for longer."""

EARLY = 2000
"""Iterations before which a warning would come too soon: until then, healthy runs also miss classes."""

PATIENCE = 1000
"""Iterations for which D's loss or G's gradients must be almost zero before a warning. Often they are for a short
time."""

TRIVIAL_LOSS = 0.05
"""A discriminator's loss is this near to its minimum if D tells real from fake without effort."""

VANISHED_GRADIENT = 1e-5
"""Below this norm, gradients do not move the generator."""

COLLAPSED_DUPLICATES = 0.5
"""Share of duplicates among the samples that shows a collapse. Real pictures have a share of about 0.01."""


@dataclass(frozen=True)
class Settings:
    """The settings of a run that the advice depends on: ganexp never advises what a run already has.

    max_steps: iterations of the whole run.
    can_be_conditional: the data has labels, and the generator does not use them yet.
    loss: the name of the loss's class, such as `NonSaturating`.
    regularizers: names of the regularizers, as they are typed.
    penalized: one of the regularizers is a gradient penalty.
    can_drop: the discriminator has a dropout.
    """

    max_steps: int
    can_be_conditional: bool
    loss: str
    regularizers: tuple[str, ...] = ()
    penalized: bool = False
    can_drop: bool = False

    @classmethod
    def of(cls, config: Config, labelled: bool) -> "Settings":
        """labelled: whether the data has labels."""
        classes = [_class_name(options) for options in config.regularizer.values()]
        return cls(
            max_steps=config.trainer.max_steps,
            can_be_conditional=labelled and not config.model.conditional,
            loss=_class_name(config.loss),
            regularizers=tuple(config.regularizer),
            penalized="GradientPenalty" in classes,
            can_drop="dropout" in config.network,
        )

    @property
    def train_longer(self) -> list[str]:
        """The advice to train for longer, if the run is short."""
        return [f"train for longer (trainer.max_steps={USUAL})"] if self.max_steps < USUAL else []

    @property
    def add_r1(self) -> list[str]:
        """The advice to add R1, beside the regularizers that are there; nothing if there is a gradient penalty."""
        if self.penalized:
            return []
        if not self.regularizers:
            return ["add regularizer=r1"]
        return [f"add R1 ('regularizer=[{','.join([*self.regularizers, 'r1'])}]')"]

    def unless(self, loss: str, advice: str) -> list[str]:
        """The advice, unless the run has that loss already."""
        return [] if self.loss == loss else [advice]


def _class_name(options: dict[str, Any]) -> str:
    return str(options.get("_target_", "")).rpartition(".")[2]


class CollapseAlarm(Callback):
    """Stops a run whose losses are no longer finite. Warns of other faults, once for each kind.

    Warnings begin after EARLY iterations, and those of pictures also after the first quarter of the run. A fault of the
    pictures must be in two evaluations in turn, unless the run has only one. For a run that ends early, the advice is
    to train for longer.
    """

    every = None
    after = (TrainingEvaluation,)

    def __init__(self, folder: RunFolder, record: Record, evaluation: TrainingEvaluation | None, settings: Settings):
        self.folder, self.record, self.evaluation, self.settings = folder, record, evaluation, settings
        self._since: dict[str, int] = {}
        """The iteration since which every look has seen a fault, by the kind of the fault."""
        self._warned: list[str] = []
        self._judged = 0
        """The iteration of the newest evaluation that was judged."""
        self._before: dict[str, int] = {}
        """The kinds of its faults, each with the iteration of the first of the evaluations in turn that show it."""
        self.rescues: set[int] = set()
        """The iterations of the checkpoints that warnings name. `Checkpoints` keeps these files."""

    def state_dict(self) -> dict[str, Any]:
        return {
            "warned": self._warned,
            "since": self._since,
            "judged": self._judged,
            "before": self._before,
            "rescues": sorted(self.rescues),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._warned = state_dict["warned"]
        # Older checkpoints hold no more.
        self._since = state_dict.get("since", {})
        self._judged = state_dict.get("judged", 0)
        self._before = state_dict.get("before", {})
        self.rescues.update(state_dict.get("rescues", ()))

    def look(self, gan: GAN, step: int) -> None:
        if not gan.scalars:
            return
        if not all(map(math.isfinite, gan.scalars.values())):
            stop_if_not_finite(gan, step, self.folder)
        self._watch_scalars(gan, step)
        evaluation = self.evaluation
        if evaluation is None or evaluation.newest_step <= self._judged:
            return
        if evaluation.newest_step > max(EARLY, self.settings.max_steps // 4):
            alone = not self._judged and evaluation.newest_step == self.settings.max_steps
            self._judge(evaluation, alone)
            self._judged = evaluation.newest_step
        elif evaluation.newest_step == self.settings.max_steps and self._faults(evaluation):
            self._judged = evaluation.newest_step
            log.info(
                "The samples are still alike or lack classes. That is usual after %d iterations: train for longer, for "
                "example with trainer.max_steps=%d.",
                evaluation.newest_step,
                USUAL,
            )

    def _watch_scalars(self, gan: GAN, step: int) -> None:
        settings, minimum = self.settings, gan.objectives.loss.minimum
        above = gan.scalars["loss/discriminator"] - minimum if minimum is not None else math.inf
        lower = ["lower optimizer.discriminator.lr"]
        dropout = ["raise network.dropout"] if settings.can_drop else []
        self._lasting(
            "saturated",
            step,
            above < TRIVIAL_LOSS,
            f"D has told real from fake without effort for {PATIENCE} iterations (its loss is {above:.3g} above its "
            f"minimum), so G learns little: {_either(lower + dropout + settings.add_r1)}",
        )
        norm = gan.scalars["gradient_norm/generator"]
        other_loss = settings.unless("NonSaturating", "use loss=non_saturating")
        self._lasting(
            "dead",
            step,
            norm < VANISHED_GRADIENT,
            f"G's gradients have been almost zero for {PATIENCE} iterations (norm {norm:.1e}), so G does not learn: "
            f"{_either(other_loss + lower + settings.add_r1)}",
        )

    def _lasting(self, kind: str, step: int, seen: bool, sentence: str) -> None:
        """Warn if a fault was seen at every look for PATIENCE iterations."""
        if not seen:
            self._since.pop(kind, None)
        elif step - self._since.setdefault(kind, step) >= PATIENCE and step > EARLY:
            self._warn(kind, sentence, self._since[kind])

    def _judge(self, evaluation: TrainingEvaluation, alone: bool) -> None:
        """Warn of the faults that the evaluation before this one had too; of all faults if it stands alone."""
        faults = self._faults(evaluation)
        for kind in sorted(faults.keys() if alone else faults.keys() & self._before):
            self._warn(kind, faults[kind], self._before.get(kind, evaluation.newest_step))
        self._before = {kind: self._before.get(kind, evaluation.newest_step) for kind in faults}

    def _faults(self, evaluation: TrainingEvaluation) -> dict[str, str]:
        """What is wrong with the samples, in sentences, by the kind of the fault."""
        settings, faults = self.settings, {}
        if evaluation.missing:
            conditional = ["use the labels with model.conditional=true"] if settings.can_be_conditional else []
            advice = [*settings.train_longer, "lower the learning rates", *settings.add_r1, *conditional]
            faults["classes"] = (
                f"The generator makes almost no pictures of class {_either(evaluation.missing)}; {_either(advice)}"
            )
        share = evaluation.newest["duplicates"]
        if share > COLLAPSED_DUPLICATES:
            which = "Every sample is" if share == 1 else f"{share:.0%} of the samples are"
            other_model = settings.unless("Wasserstein", "try model=wgan_gp")
            advice = [
                *settings.train_longer,
                "lower optimizer.generator.lr",
                *settings.add_r1,
                *other_model,
                "try another network",
            ]
            faults["duplicates"] = (
                f"{which} nearly identical to another one: the generator has collapsed to few pictures, or all its "
                f"pictures are blurred; {_either(advice)}"
            )
        return faults

    def _warn(self, kind: str, sentence: str, began: int) -> None:
        """Warn once of each kind of fault. began: the iteration at which the fault was first seen."""
        if kind in self._warned:
            return
        self._warned.append(kind)
        told = self.record.contents.get("warnings", [])
        # A run that was killed after a warning, and goes on from before the warning, would give it again.
        if any(earlier.startswith(sentence) for earlier in told):
            return
        sentence += self._rescue(began)
        log.warning("Warning: %s.", sentence)
        self.record.write(warnings=[*told, sentence])

    def _rescue(self, began: int) -> str:
        """How to start again from a checkpoint from before the fault; empty if there is no such checkpoint."""
        steps = [step for path in self.folder.numbered_checkpoints() if (step := step_of(path)) and step < began]
        if not steps:
            return ""
        self.rescues.add(steps[-1])
        command = line("train", override("fork", str(self.folder)), f"at={steps[-1]}")
        return f". To change the run from before the fault on, type {command} and changes that keep the networks"


def _either(alternatives: list[str]) -> str:
    """`2`, `2 or 3`, `2, 3 or 7`."""
    *others, last = alternatives
    return f"{', '.join(others)} or {last}" if others else last
