"""Metrics while a run trains, and the checkpoint that is best by them."""

import logging
import math
import time
from functools import cached_property
from typing import Any

from ganexp.callbacks.callback import Callback
from ganexp.callbacks.finite import not_finite
from ganexp.evaluation import unknown_data
from ganexp.gan import GAN
from ganexp.pictures.sampling import CHOICE_OFFSET, sample
from ganexp.protocols.in_domain import InDomain
from ganexp.run_folder import checkpoints
from ganexp.run_folder.folder import RunFolder

log = logging.getLogger("ganexp")


class TrainingEvaluation(Callback):
    """Every `every` iterations: a line of `metrics.jsonl`, points in the loggers' curves, and perhaps `best.ckpt`.

    No final metric uses the latents of these `n` samples. The latents have random numbers of their own, so a run learns
    the same with and without evaluations.
    """

    def __init__(self, folder: RunFolder, protocol: InDomain, every: int, n: int, seed: int):
        self.folder, self.protocol, self.every, self.n, self.seed = folder, protocol, every, n, seed
        self._began = time.perf_counter()
        self.best, self._before = math.inf, 0.0
        self._by = f"{n} samples and {protocol.evaluator.name} {protocol.evaluator.card['sha256'][:8]}"
        self.newest: dict[str, float] = {}
        """The metrics of the newest evaluation."""
        self.newest_step, self.missing = 0, []
        """The iteration of the newest evaluation, and the classes that the generator did not make then."""

    @property
    def state_key(self) -> str:
        return "Evaluation"  # Older checkpoints know this callback by that name.

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "by": self._by, "seconds": self._seconds()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._before = state_dict["seconds"]
        if state_dict.get("by", self._by) == self._by:
            self.best = state_dict["best"]
        else:  # Scores with different cards are not ranked against each other.
            log.info("best.ckpt is chosen again: it was by %s, and is now by %s", state_dict["by"], self._by)

    def looks_at(self, step: int, max_steps: int) -> bool:
        return super().looks_at(step, max_steps) or step == max_steps

    def begin(self, gan: GAN, step: int) -> None:
        self._began = time.perf_counter()
        self.protocol.evaluator.network.to(gan.device)
        if math.isfinite(self.best) and not checkpoints.is_usable(self.folder.best, self.folder, until=step):
            log.warning("%s is missing, damaged or of a later iteration; it is chosen again", self.folder.best)
            self.best = math.inf

    def look(self, gan: GAN, step: int) -> None:
        if not_finite(gan):
            return  # The alarm is about to stop the run. Broken networks must not become the best checkpoint.
        seed, own = self.seed + CHOICE_OFFSET, self.protocol.pictures.classes
        stream = sample(gan.sampled_generator, self.n, seed, labels_at=self.protocol.labels_at(own))
        samples, _ = self.protocol.embed(stream, own)
        if not self.newest and not self.protocol.knows_data:
            log.warning("%s", unknown_data(self.protocol.evaluator.name, self.protocol.reference_name))
        self.newest, self.missing = self.protocol.quick(samples)
        self.newest_step = step
        name = f"fid_{self.protocol.evaluator.name}"
        score, floor = self.newest[name], self._floor
        card = self.protocol.card(self.n, "raw" if gan.ema is None else "ema", self.seed + CHOICE_OFFSET)
        about = {"floors": {name: floor} if floor is not None else {}, "card": card.to_json()}
        self.folder.append_metrics({"step": step, "seconds": round(self._seconds(), 2)} | self.newest | about)
        for logger in gan.trainer.loggers:
            logger.log_metrics({f"training_evaluation/{name}": value for name, value in self.newest.items()}, step)
        beside = f"real pictures {floor:.2f}; " if floor is not None else ""
        by = self.protocol.evaluator.name
        log.info("iteration %6d  FID %.2f (%s%s, %d samples)", step, score, beside, by, self.n)
        if score < self.best:
            self.best = score
            gan.trainer.save_checkpoint(self.folder.best)

    @cached_property
    def _floor(self) -> float | None:
        """The distance of as many held-out pictures; None if the data has none."""
        return self.protocol.floor(self.n)

    def _seconds(self) -> float:
        """Seconds of training since the run began, without the time between an interruption and a resume."""
        return self._before + time.perf_counter() - self._began
