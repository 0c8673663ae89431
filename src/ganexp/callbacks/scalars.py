"""Where the training scalars go: the loggers, `train.log`, the progress bar."""

import logging
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar

from ganexp.callbacks.callback import Callback
from ganexp.gan import GAN

log = logging.getLogger("ganexp.losses")


class Curves(Callback):
    """Hands the training scalars to the loggers."""

    def __init__(self, every: int):
        self.every = every

    def begin(self, gan: GAN, step: int) -> None:
        self._since, self._step = time.perf_counter(), step

    def look(self, gan: GAN, step: int) -> None:
        now = time.perf_counter()
        rate = (step - self._step) / (now - self._since)
        self._since, self._step = now, step
        for logger in gan.trainer.loggers:
            logger.log_metrics(gan.scalars | {"speed/iterations_per_second": rate}, step)


class LossLines(Callback):
    """Writes the two losses to the log, a line at every 100th iteration."""

    every = 100

    def look(self, gan: GAN, step: int) -> None:
        d, g = gan.scalars["loss/discriminator"], gan.scalars["loss/generator"]
        log.info("iteration %6d  D %.4f  G %.4f", step, d, g)


class ProgressBar(TQDMProgressBar):
    """Lightning's bar, over iterations and with the losses. tqdm redraws it ten times a second at most."""

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
        shown = {"D": "loss/discriminator", "G": "loss/generator"}
        return {name: f"{pl_module.scalars[tag]:.3f}" for name, tag in shown.items() if tag in pl_module.scalars}
