"""A process that a launcher, such as joblib, starts for jobs of a sweep.

Joblib kills all its workers when one of them raises KeyboardInterrupt, or when the command is interrupted. So in a
worker an interrupted job raises `Stopped`, and the command waits until the jobs have saved. A worker whose command was
killed saves and ends.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ganexp.processes import interruption

PATIENCE = 60.0
"""A worker has so many seconds to save its job after the command has ended."""


class Stopped(Exception):
    """A job of a worker was interrupted."""


class _Worker:
    """The state of this process, if the process is a worker. in_job: whether a job is running."""

    def __init__(self, command: int):
        self.command, self.in_job = command, False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        threading.Thread(target=self._watch, daemon=True).start()

    def is_orphan(self) -> bool:
        """Whether the command has ended."""
        return os.getppid() != self.command

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.in_job:
            raise KeyboardInterrupt(signal.Signals(number).name)

    def _watch(self) -> None:
        while not self.is_orphan():
            time.sleep(1)
        asked = time.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)
        while self.in_job and time.monotonic() - asked < PATIENCE:
            time.sleep(0.1)
        os._exit(1)  # Joblib's loop would wait for another job forever.


def hand_on(interrupt: KeyboardInterrupt) -> None:
    """Pass on the signal that ended a job to the handler that was there before the job's training.

    Slurm warns a job by such a signal, and submitit's handler puts the job into Slurm's queue again.
    """
    number = {"SIGUSR1": signal.SIGUSR1, "SIGUSR2": signal.SIGUSR2}.get(str(interrupt))
    if number is None:
        return
    handler = signal.getsignal(number)
    if callable(handler) and handler is not interruption.handle:
        signal.raise_signal(number)


_this: _Worker | None = None


@contextmanager
def one_job_of(command: int) -> Iterator[None]:
    """Run one job of the command whose process is `command`.

    In a worker, an interrupt becomes `Stopped`, and no other job begins once the command has ended. In other processes
    nothing changes.
    """
    global _this
    if _this is None and os.getppid() == command and threading.current_thread() is threading.main_thread():
        _this = _Worker(command)
    worker = _this
    if worker is None:
        yield
        return
    if worker.is_orphan():
        os._exit(1)
    worker.in_job = True
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise Stopped(str(interrupt)) from None
    finally:
        worker.in_job = False
