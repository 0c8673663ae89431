"""The speed of a run, for its record."""

import logging
import resource
import sys
import time
from typing import Any

import pytorch_lightning as pl

from ganexp.callbacks.callback import Callback
from ganexp.gan import GAN
from ganexp.processes.process import process_start
from ganexp.run_folder.record import Record

log = logging.getLogger("ganexp")

WARM_UP = 50
"""Iterations that the mean speed leaves out."""

FORECAST_AFTER = 2.0
"""The forecast needs so many seconds of training. The first iterations do not count: they take many times as long as
the others."""


class Speed(Callback):
    """Writes start_seconds, seconds, cpu_seconds, iterations_per_second and peak_mb to the record.

    start_seconds: from the start of the process to the end of the first iterations. seconds: the time of the training,
    without the time for which it was stopped. cpu_seconds: the time for which the process's threads were busy with
    iterations, without evaluations, grids and checkpoints. On a busy machine cpu_seconds grow much less than seconds. A
    resumed run and a fork go on counting both from their checkpoint. peak_mb: the most memory that the process had. In
    a sweep, the process starts with the first job, so start_seconds and peak_mb are also of the jobs before.
    """

    every = None

    def __init__(self, record: Record):
        self.record = record
        self._first, self._warm, self._began, self._clock = 0, -1, 0.0, 0.0
        self._first_look: tuple[int, float] | None = None
        self._forecast_made = False
        self._cpu_seconds, self._busy_since = 0.0, time.process_time()
        self._seconds_before = 0.0

    @property
    def seconds(self) -> float:
        """The time since the run began, without the time for which it was stopped."""
        return self._seconds_before + time.perf_counter() - self._began

    def state_dict(self) -> dict[str, Any]:
        return {"cpu_seconds": self._cpu_seconds, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._cpu_seconds = state_dict["cpu_seconds"]
        self._seconds_before = state_dict.get("seconds", 0.0)  # Older checkpoints have no seconds.

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        self._busy_since = time.process_time()

    def begin(self, gan: GAN, step: int) -> None:
        self._first = step
        self._clock = self._began = time.perf_counter()

    def look(self, gan: GAN, step: int) -> None:
        # The callbacks that work for long look after this one.
        self._cpu_seconds += time.process_time() - self._busy_since
        now = time.perf_counter()
        if self._first_look is None:
            self._first_look = step, now
            self.record.write(start_seconds=round(time.time() - process_start(), 3))
        elif not self._forecast_made and now - self._first_look[1] >= FORECAST_AFTER:
            self._forecast_made = True
            warm, since = self._first_look
            left = (gan.trainer.max_steps - step) * (now - since) / (step - warm)
            log.info("About %s left at this speed, without evaluations", _duration(left))
        if self._warm < 0 and step - self._first >= WARM_UP:
            self._warm, self._clock = step, now

    def end(self, gan: GAN, step: int) -> None:
        now = time.perf_counter()
        counted = step - max(self._first, self._warm)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.record.write(
            seconds=round(self.seconds, 3),
            cpu_seconds=round(self._cpu_seconds, 3),
            iterations_per_second=round(counted / (now - self._clock), 2),
            peak_mb=peak >> (20 if sys.platform == "darwin" else 10),
        )


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )
