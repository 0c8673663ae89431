"""Figures while a run trains, and the checkpoint that is best by them."""

import logging
import math
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from ganexp.evaluation import Protocol, append
from ganexp.gan import GAN
from ganexp.metrics.classes import missing
from ganexp.metrics.measure import quick
from ganexp.sampling import CHOOSING, sample

log = logging.getLogger("ganexp")


class Evaluation(pl.Callback):
    """At every `every`-th iteration: a line of `metrics.jsonl`, points in the loggers' curves, and perhaps `best.ckpt`.

    The `n` pictures are of a stream of latents that no reported figure comes from, and whose generator is its own:
    a run learns the same with and without evaluations.
    """

    def __init__(self, run: Path, protocol: Protocol, every: int, n: int, seed: int, classes: int):
        self.run, self.protocol, self.every, self.n, self.seed, self.classes = run, protocol, every, n, seed, classes
        self.best, self._before = math.inf, 0.0
        self._by = f"{n} samples and {protocol.evaluator.name} {protocol.evaluator.card['sha256'][:8]}"
        self.newest: dict[str, float] = {}
        self.newest_step, self.missing = 0, []
        """Of the newest figures, and the names of the classes that were missing then."""

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "by": self._by, "seconds": self._seconds()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._before = state_dict["seconds"]
        if state_dict.get("by", self._by) == self._by:
            self.best = state_dict["best"]
        else:  # Scores of other cards are not ranked against each other.
            log.info("best.ckpt is chosen anew: it was by %s, and is now by %s", state_dict["by"], self._by)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._began = time.perf_counter()
        self.protocol.evaluator.network.to(pl_module.device)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, GAN)
        step = trainer.global_step
        if step % self.every and step != trainer.max_steps:
            return
        if not all(map(math.isfinite, pl_module.report.values())):
            return  # The alarm is about to stop the run, and what is left of the networks is not to be the best.
        network = pl_module.shown
        was_training = network.training
        seed, own = self.seed + CHOOSING, self.protocol.pictures.classes
        choose = self.protocol.labels_at(own)
        batches = sample(network.eval(), pl_module.latent_dim, self.classes, self.n, seed, labels_at=choose)
        samples, _ = self.protocol.look(batches, own)
        network.train(was_training)
        self.newest = quick(samples, self.protocol.train, self.protocol.evaluator.name)
        shares, classes = self.protocol.train.shares, self.protocol.evaluator.classes
        self.newest_step, self.missing = step, [classes[c] for c in missing(samples.shares, shares, self.n)]
        name = f"fid_{self.protocol.evaluator.name}"
        score, floor = self.newest[name], self._floor
        card = self.protocol.card(self.n, "raw" if pl_module.ema is None else "ema", self.seed + CHOOSING)
        about = {"floors": {name: floor} if floor is not None else {}, "card": card}
        append(self.run, {"step": step, "seconds": round(self._seconds(), 2)} | self.newest | about)
        for logger in trainer.loggers:
            logger.log_metrics({f"training_evaluation/{name}": value for name, value in self.newest.items()}, step)
        beside = f"real pictures {floor:.2f}; " if floor is not None else ""
        by = self.protocol.evaluator.name
        log.info("iteration %6d  FID %.2f (%s%s, %d samples)", step, score, beside, by, self.n)
        if score < self.best:
            self.best = score
            trainer.save_checkpoint(self.run / "checkpoints" / "best.ckpt")

    @cached_property
    def _floor(self) -> float | None:
        """The distance of as many held-out pictures, if there are any."""
        return self.protocol.floor(self.n)

    def _seconds(self) -> float:
        """Since the run first began to train, pauses left out."""
        return self._before + time.perf_counter() - self._began
