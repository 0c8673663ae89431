"""A sweep while it runs: whether it may begin in its folder, how a signal stops it, and what it prints at its end."""

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from ganexp.command import Past
from ganexp.errors import UserError
from ganexp.files.whole import write_whole
from ganexp.sweeps import resume_sweep
from ganexp.sweeps.sweep_folder import SweepFolder

log = logging.getLogger("ganexp")

PATIENCE = 10.0
"""Seconds after which a second signal ends a sweep without waiting for its jobs to save."""


class Sweep(Callback):
    """Remembers the sweep that Hydra begins. Hydra calls no callback at the end of a sweep in which a job failed."""

    folder: ClassVar[SweepFolder | None] = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        folder = SweepFolder(Path(config.hydra.sweep.dir))
        try:
            resume_sweep.refuse_changed(folder, config)
            folder.path.mkdir(parents=True, exist_ok=True)
        except UserError as error:
            raise Past(error) from None
        except OSError:
            return  # Hydra meets the same error, and ends with it.
        Sweep.folder = folder
        if not folder.start.is_file():  # Hydra's own sweeper writes this file again, other sweepers do not.
            write_whole(folder.start, OmegaConf.to_yaml(config))
        if "joblib" in config.hydra.launcher._target_ and _in_main_thread():
            stop = _Stop(folder)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, stop)


class Unfinished(UserError):
    """Jobs of a sweep did not finish, and the sweep ended without an exception of theirs."""


class _Stop:
    """A handler of signals: tells the workers to save, waits for them, and only then ends the sweep.

    Joblib would kill the workers at once.
    """

    def __init__(self, folder: SweepFolder):
        self.folder = folder
        self._at: float | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self._at is not None:
            if time.monotonic() - self._at > PATIENCE:
                raise KeyboardInterrupt(name)
            return
        self._at = time.monotonic()
        print(f"{name}: the running jobs are saved, then the sweep ends", file=sys.stderr)
        workers = multiprocessing.active_children()
        for process in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid or 0, signal.SIGTERM)
        while any(process.is_alive() for process in workers) and any(job.is_locked() for job in self.folder.jobs()):
            time.sleep(0.1)
        raise KeyboardInterrupt(name)


@contextmanager
def reported() -> Iterator[None]:
    """If a sweep was run in the block, its end is reported, however the block ended.

    Afterwards `report.html` is in the sweep's folder. A message on stderr names each job that did not finish, and the
    command that runs these jobs again. Unfinished is raised if there is such a job and nothing else was raised.
    """
    Sweep.folder = None
    numbers = (signal.SIGINT, signal.SIGTERM) if _in_main_thread() else ()
    handlers = {number: signal.getsignal(number) for number in numbers}
    left: list[tuple[str, str]] = []
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        # Hydra may have refused the command line: then there is no sweep, or none of its jobs began.
        if Sweep.folder is not None and Sweep.folder.jobs():
            _report(Sweep.folder)
            left = Sweep.folder.unfinished()
            _tell(Sweep.folder, left)
    if left:
        raise Unfinished(f"{_number(left)} did not finish: {', '.join(name for name, _ in left)}")


def _in_main_thread() -> bool:
    """Whether handlers of signals may be set."""
    return threading.current_thread() is threading.main_thread()


def _report(folder: SweepFolder) -> None:
    from ganexp.report import write

    try:
        print(f"The report of {write(folder.path, folder.report)} is {folder.report}", file=sys.stderr)
    except Exception:
        log.exception("The report could not be written:")


def _tell(folder: SweepFolder, left: list[tuple[str, str]]) -> None:
    if not left:
        return
    print(f"{_number(left)} did not finish:", file=sys.stderr)
    for name, why in left:
        print(f"  {name}: {why}", file=sys.stderr)
    print(f"To finish {'these jobs' if len(left) > 1 else 'this job'}: {folder.resume}", file=sys.stderr)


def _number(left: list[tuple[str, str]]) -> str:
    return f"{len(left)} job{'s' * (len(left) > 1)}"
