"""Ctrl-C and SIGTERM end the run, with everything saved, after the iterations under way: a quarter of a second."""

import signal
from types import FrameType

import pytorch_lightning as pl


class Interrupt(pl.Callback):
    """`received` is the signal that came, if one did. A second Ctrl-C ends at once."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._previous = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        def stop(number: int, _frame: FrameType | None) -> None:
            if self.received is not None:
                raise KeyboardInterrupt
            self.received = signal.Signals(number)
            trainer.should_stop = True

        self._previous = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._restore()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
