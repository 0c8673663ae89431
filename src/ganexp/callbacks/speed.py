"""The speed of a run, for its record."""

import resource
import sys
import time

from ganexp.callbacks.callback import Callback
from ganexp.gan import GAN
from ganexp.process import process_start
from ganexp.record import Record

WARM_UP = 50
"""Iterations that the mean speed leaves out."""


class Speed(Callback):
    """Writes start_seconds, seconds, iterations_per_second and peak_mb to the record.

    start_seconds run from the start of the process to the end of the first iterations. In a sweep the process is that
    of the first job.
    """

    every = None

    def __init__(self, record: Record):
        self.record = record
        self._first, self._warm, self._began, self._clock, self._started = 0, -1, 0.0, 0.0, False

    def begin(self, gan: GAN, step: int) -> None:
        self._first = step
        self._clock = self._began = time.perf_counter()

    def look(self, gan: GAN, step: int) -> None:
        if not self._started:
            self._started = True
            self.record.write(start_seconds=round(time.time() - process_start(), 3))
        if self._warm < 0 and step - self._first >= WARM_UP:
            self._warm, self._clock = step, time.perf_counter()

    def end(self, gan: GAN, step: int) -> None:
        now = time.perf_counter()
        counted = step - max(self._first, self._warm)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.record.write(
            seconds=round(now - self._began, 3),
            iterations_per_second=round(counted / (now - self._clock), 2),
            peak_mb=peak >> (20 if sys.platform == "darwin" else 10),
        )
