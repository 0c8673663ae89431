"""Signals that ask the process to stop: Ctrl-C, a scheduler's request, a closed terminal.

Python handles signals only in the main thread, and a process has one handler for each signal. So the state belongs to
this module.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

PATIENCE = 10.0
"""Seconds after which another signal ends the process at once. An earlier one is ignored, because the run is saving."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to stop.

    name: the name of the signal. state: what became of the work. told: whether the user knows how to go on.
    """

    def __init__(self, name: str, state: str = "stopped", told: bool = False):
        super().__init__(name)
        self.state, self.told = state, told


@dataclass
class _State:
    received: signal.Signals | None = None
    at: float = 0.0
    stop: Callable[[], None] | None = None


_state = _State()


def received() -> signal.Signals | None:
    """The first signal that came, if one did."""
    return _state.received


def check() -> None:
    """Raise Interrupted if a signal came."""
    if _state.received is not None:
        raise Interrupted(_state.received.name)


def signals() -> list[signal.Signals]:
    """The signals that stop a process.

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


def leave_at_once() -> None:
    """From now on a signal ends the process with one line. This is for the second in which a command is imported."""
    for number in signals():
        signal.signal(number, _leave)


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Inside the block a signal raises Interrupted, once. Afterwards the handlers are those from before."""
    before = {number: signal.getsignal(number) for number in signals()}
    if handle not in before.values():
        _state.received = None
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        for number in before:
            signal.signal(number, handle)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def gently(stop: Callable[[], None]) -> Iterator[None]:
    """Inside the block a signal calls `stop` and raises nothing."""
    before, _state.stop = _state.stop, stop
    try:
        yield
    finally:
        _state.stop = before


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """A signal inside the block raises Interrupted at its end. An import that is cut short leaves broken modules."""
    with gently(lambda: None):
        yield
    check()


def handle(number: int, _frame: FrameType | None) -> None:
    """The handler of every signal while `listening`."""
    if _state.received is None:
        _state.received, _state.at = signal.Signals(number), time.monotonic()
        if _state.stop is None:
            raise Interrupted(_state.received.name)
        _state.stop()
    elif time.monotonic() - _state.at > PATIENCE:
        raise Interrupted(_state.received.name)


def _leave(number: int, _frame: FrameType | None) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{signal.Signals(number).name}: stopped\n".encode())
    os._exit(130)
