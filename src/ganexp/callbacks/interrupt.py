"""Signals that ask a run to stop: it ends after the iterations under way, a quarter of a second at most, and saves."""

import os
import signal
import threading
import time
from types import FrameType

import pytorch_lightning as pl

from ganexp import collectives

PATIENCE = 10.0
"""Seconds after which another signal ends the process at once. Before, it is ignored: saving is under way."""


def signals() -> list[signal.Signals]:
    """The signals that stop a run.

    Ctrl-C, a scheduler's request, a closed terminal unless nohup ignores it, and Slurm's early warning: SIGUSR1, or
    SIGUSR2 if submitit has a handler for it.
    """
    known = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        known.append(signal.SIGHUP)
    if "SLURM_JOB_ID" in os.environ:
        known.append(signal.SIGUSR1)
    if callable(signal.getsignal(signal.SIGUSR2)):
        known.append(signal.SIGUSR2)
    return known


class Interrupt(pl.Callback):
    """`received` is the first signal that came, if one did."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._at = 0.0
        self._previous = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        def stop(number: int, _frame: FrameType | None) -> None:
            if self.received is None:
                self.received, self._at = signal.Signals(number), time.monotonic()
            elif time.monotonic() - self._at > PATIENCE:
                raise KeyboardInterrupt(self.received.name)

        if threading.current_thread() is threading.main_thread():  # Python handles signals in no other thread.
            self._previous = {number: signal.signal(number, stop) for number in signals()}

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        # A signal to any process stops all processes, after the same iteration.
        number = int(collectives.maximum(self.received or 0, pl_module.device))
        if number:
            trainer.should_stop = True
            if self.received is None:
                signal.raise_signal(number)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._restore()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
