"""Says in plain words when a training has gone wrong, and what people do about it."""

import logging
import math
from typing import Any

from ganexp.callbacks.callback import Callback
from ganexp.callbacks.evaluation import Evaluation
from ganexp.callbacks.finite import stop_if_not_finite
from ganexp.folder import RunFolder
from ganexp.gan import GAN
from ganexp.record import Record

log = logging.getLogger("ganexp")

PATIENCE = 1000
"""Iterations for which D's loss or G's gradients must be next to nothing: at the start they often are, for a while."""

WON = 0.05
"""A discriminator's loss above the least that there is, which leaves it nothing to learn."""

DEAD = 1e-5
"""A norm of the generator's gradient that moves nothing."""

SHARE = 0.5
"""Share of duplicates among samples that is a collapse; of real pictures it is about a hundredth."""


class CollapseAlarm(Callback):
    """Stops a run whose figures are no longer finite; warns, once for each kind, of what else it sees.

    Pictures are judged in the last three quarters of a run, when two evaluations in turn agree, or if there is but one.
    """

    every = None
    after = (Evaluation,)

    def __init__(self, folder: RunFolder, record: Record, evaluation: Evaluation | None):
        self.folder, self.record, self.evaluation = folder, record, evaluation
        self._since: dict[str, int] = {}
        self._warned: list[str] = []
        self._judged, self._before = 0, set()

    def state_dict(self) -> dict[str, Any]:
        return {"warned": self._warned}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._warned = state_dict["warned"]

    def look(self, gan: GAN, step: int) -> None:
        report, minimum = gan.scalars, gan.objectives.loss.minimum
        if not report:
            return
        if not all(map(math.isfinite, report.values())):
            stop_if_not_finite(gan, step, self.folder)
        lost = report["loss/discriminator"] - minimum if minimum is not None else math.inf
        self._lasting(
            "saturated",
            step,
            lost < WON,
            f"D has told real from fake without effort for {PATIENCE} iterations (its loss is {lost:.3g} above the "
            "least there can be), so G learns little from it: lower optimizer.discriminator.lr, raise network.dropout, "
            "or add regularizer=r1",
        )
        self._lasting(
            "dead",
            step,
            report["gradient_norm/generator"] < DEAD,
            f"G's gradients have been next to nothing for {PATIENCE} iterations (norm "
            f"{report['gradient_norm/generator']:.1e}): it does not learn; use loss=non_saturating, a smaller "
            "optimizer.discriminator.lr, or regularizer=r1",
        )
        if self.evaluation is not None and self.evaluation.newest_step > max(self._judged, gan.trainer.max_steps // 4):
            alone = not self._judged and self.evaluation.newest_step == gan.trainer.max_steps
            self._judged = self.evaluation.newest_step
            self._judge(self.evaluation, alone)

    def _lasting(self, kind: str, step: int, seen: bool, sentence: str) -> None:
        if not seen:
            self._since.pop(kind, None)
        elif step - self._since.setdefault(kind, step) >= PATIENCE:
            self._warn(kind, sentence)

    def _judge(self, evaluation: Evaluation, alone: bool) -> None:
        found = {}
        missing = evaluation.missing
        if missing:
            found["classes"] = (
                f"G makes none, or next to none, of {', '.join(missing)}: modes are missing; lower the learning rates, "
                "add regularizer=r1, or ask for classes with model.conditional=true"
            )
        if evaluation.newest["duplicates"] > SHARE:
            found["duplicates"] = (
                f"{evaluation.newest['duplicates']:.0%} of the samples are next to equal to another one by the "
                "evaluator's features: G has collapsed to few pictures, or makes nothing but blurs; lower "
                "optimizer.generator.lr, add regularizer=r1, or try another network or model=wgan_gp"
            )
        for kind in sorted(found.keys() if alone else found.keys() & self._before):
            self._warn(kind, found[kind])
        self._before = set(found)

    def _warn(self, kind: str, sentence: str) -> None:
        if kind not in self._warned:
            self._warned.append(kind)
            log.warning("Warning: %s.", sentence)
            self.record.write(warnings=[*self.record.contents.get("warnings", []), sentence])
