"""A signal ends the training with everything saved, after a quarter of a second or the iteration under way."""

import contextlib
import signal

import pytorch_lightning as pl

from ganexp.processes import collectives, interruption


class Interrupt(pl.Callback):
    """During the training, a signal ends the training as its last iteration would."""

    def __init__(self) -> None:
        self._block = contextlib.ExitStack()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Lightning has just set its own handler of SIGTERM, which would end a run without saving.
        self._block.enter_context(interruption.listening())
        self._block.enter_context(interruption.gently(lambda: None))  # `on_train_batch_end` asks for the signal.

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        # A signal to any process stops all processes, after the same iteration.
        number = int(collectives.maximum(interruption.received() or 0, pl_module.device))
        if number:
            trainer.should_stop = True
            if interruption.received() is None:
                signal.raise_signal(number)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._block.close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._block.close()
