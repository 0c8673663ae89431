"""How fast a run is, for its record."""

import os
import resource
import sys
import time
from pathlib import Path

import pytorch_lightning as pl

from ganexp.record import Record

WARM_UP = 50
"""Iterations that the mean speed leaves out."""


class Speed(pl.Callback):
    """Writes start_seconds (process start to first iteration), iterations_per_second, seconds and peak_mb."""

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
            self.record.write(start_seconds=round(time.time() - _process_start(), 3))
        if self._warm is None and done >= WARM_UP:
            self._warm, self._clock = trainer.global_step, time.perf_counter()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        now = time.perf_counter()
        counted = trainer.global_step - (self._first if self._warm is None else self._warm)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.record.write(
            iterations=trainer.global_step,
            seconds=round(now - self._began, 3),
            iterations_per_second=round(counted / (now - self._clock), 2),
            peak_mb=peak >> (20 if sys.platform == "darwin" else 10),
        )


def _process_start() -> float:
    """When this process began, in seconds since the epoch; now, where the system does not say."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return time.time()
    return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")
