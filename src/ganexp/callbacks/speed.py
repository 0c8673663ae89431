"""How fast a run is, for its record."""

import resource
import sys
import time

import pytorch_lightning as pl

from ganexp.process import process_start
from ganexp.record import Record

WARM_UP = 50
"""Iterations that the mean speed leaves out."""


class Speed(pl.Callback):
    """Writes start_seconds (from the process's start, in a sweep the first job's, until the first iterations are done),
    iterations_per_second, seconds and peak_mb."""

    def __init__(self, record: Record):
        self.record = record

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._first, self._warm = trainer.global_step, None
        self._clock = self._began = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        done = trainer.global_step - self._first
        if batch_idx == 0:
            self.record.write(start_seconds=round(time.time() - process_start(), 3))
        if self._warm is None and done >= WARM_UP:
            self._warm, self._clock = trainer.global_step, time.perf_counter()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        now = time.perf_counter()
        counted = trainer.global_step - (self._first if self._warm is None else self._warm)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.record.write(
            seconds=round(now - self._began, 3),
            iterations_per_second=round(counted / (now - self._clock), 2),
            peak_mb=peak >> (20 if sys.platform == "darwin" else 10),
        )
