"""Speed, start-up time and memory of the process that imports this module. Import it first."""

import json
import resource
import sys
import time

from ganexp.processes.process import process_start

WARM_UP = 50
"""Iterations that the mean speed leaves out, as `ganexp.train` does for its `run.json`."""


class Meter:
    """`tick()` at the end of every iteration, `report()` after the last."""

    def __init__(self) -> None:
        self.iterations = 0

    def tick(self) -> None:
        self.iterations += 1
        self._last = time.perf_counter()
        if self.iterations == 1:
            self._start_s = time.time() - _PROCESS_START
        if self.iterations <= WARM_UP:
            self._warm, self._skipped = self._last, self.iterations

    def report(self) -> None:
        """One line of JSON on stdout."""
        if self.iterations <= WARM_UP:
            sys.exit(f"{self.iterations} iterations are too few: the first {WARM_UP} are not counted")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        figures = {
            "start_s": round(self._start_s, 3),
            "iterations_per_second": round((self.iterations - self._skipped) / (self._last - self._warm), 2),
            "peak_mb": round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)),
        }
        print(json.dumps(figures), flush=True)


def iterations() -> int:
    """The script's only argument."""
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit(f"usage: python {sys.argv[0]} ITERATIONS")
    return int(sys.argv[1])


_PROCESS_START = process_start()
