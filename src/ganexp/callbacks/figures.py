"""Where the training's figures go: TensorBoard, `train.log`, the progress bar."""

import logging
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar

from ganexp.gan import GAN

LINE_EVERY = 100
"""Iterations between two lines of losses."""

log = logging.getLogger("ganexp.losses")


class Figures(pl.Callback):
    """Hands the newest report to the loggers as it appears, and a line of it to the log."""

    def __init__(self, every: int):
        """`every`: iterations between two points in the loggers' curves."""
        self.every = every

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._since, self._step = time.perf_counter(), trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, GAN)
        step, report = trainer.global_step, pl_module.report
        if step % self.every == 0:
            now = time.perf_counter()
            rate = (step - self._step) / (now - self._since)
            self._since, self._step = now, step
            for logger in trainer.loggers:
                logger.log_metrics(report | {"speed/iterations_per_second": rate}, step)
        if step % LINE_EVERY == 0:
            log.info("iteration %6d  D %.4f  G %.4f", step, report["loss/discriminator"], report["loss/generator"])


class ProgressBar(TQDMProgressBar):
    """Lightning's bar over iterations, with the losses, which tqdm redraws ten times a second at most."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=1)

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: object) -> None:
        self.train_progress_bar.reset(trainer.max_steps)
        self.train_progress_bar.initial = trainer.global_step
        self.train_progress_bar.set_description("training")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        bar = self.train_progress_bar
        bar.update(trainer.global_step - bar.n)
        bar.set_postfix(self.get_metrics(trainer, pl_module), refresh=False)

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        assert isinstance(pl_module, GAN)
        return {name[5].upper(): f"{value:.3f}" for name, value in pl_module.report.items() if name[:6] in _SHOWN}


_SHOWN = ("loss/d", "loss/g")
