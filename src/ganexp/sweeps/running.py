"""A sweep while it runs: whether it may begin in its folder, how a signal stops it, and what it prints at its end."""

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from ganexp.command import PastHydra
from ganexp.errors import UserError
from ganexp.files.whole import write_whole
from ganexp.processes import interruption
from ganexp.sweeps import resume_sweep
from ganexp.sweeps.sweep_folder import SweepFolder

log = logging.getLogger("ganexp")


class JobsLeft(UserError):
    """Jobs of a sweep did not finish, and the sweep ended without an exception of theirs."""


@dataclass
class Reported:
    """The sweep of a block `reported`.

    folder: that of the sweep; None if Hydra began no sweep. until_end: what ends with the block.
    """

    folder: SweepFolder | None = None
    until_end: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)


_reported: ContextVar[Reported | None] = ContextVar("reported", default=None)


class BeginSweep(Callback):
    """Hydra calls it when a sweep begins. Hydra calls nothing at the end of a sweep in which a job failed."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        folder, sweep = SweepFolder(Path(config.hydra.sweep.dir)), _reported.get()
        try:
            resume_sweep.refuse_changed(folder, config)
            folder.path.mkdir(parents=True, exist_ok=True)
        except UserError as error:
            raise PastHydra(error) from None
        except OSError:
            return  # Hydra meets the same error, and ends with it.
        if not folder.start.is_file():  # Hydra's own sweeper writes this file again, other sweepers do not.
            write_whole(folder.start, OmegaConf.to_yaml(config))
        if sweep is None:
            return
        sweep.folder = folder
        if "joblib" in config.hydra.launcher._target_:
            others = multiprocessing.active_children()
            sweep.until_end.enter_context(interruption.gently(lambda: _stop_workers(folder, others)))


@contextmanager
def reported() -> Iterator[Reported]:
    """If a sweep was run in the block, its end is reported, however the block ended.

    Afterwards `report.html` is in the sweep's folder. A message on stderr names each job that did not finish, and the
    command that runs these jobs again. JobsLeft is raised if there is such a job and nothing else was raised.
    """
    sweep = Reported()
    token = _reported.set(sweep)
    left: list[tuple[str, str]] = []
    try:
        with sweep.until_end:
            yield sweep
    finally:
        _reported.reset(token)
        # Hydra may have refused the command line: then there is no sweep, or none of its jobs began.
        if sweep.folder is not None and sweep.folder.jobs():
            _report(sweep.folder)
            left = sweep.folder.unfinished()
            _tell(sweep.folder, left)
    if left:
        raise JobsLeft(f"{_number(left)} did not finish: {', '.join(name for name, _ in left)}")


def _stop_workers(folder: SweepFolder, others: list[Any]) -> None:
    """Tell joblib's workers to save, and wait for them. The sweep is interrupted afterwards, because joblib would kill
    the workers at once.

    others: child processes that are no workers.
    """
    if (number := interruption.received()) is not None:
        print(f"{number.name}: the running jobs are saved, then the sweep ends", file=sys.stderr)
    workers = [process for process in multiprocessing.active_children() if process not in others]
    for process in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid or 0, signal.SIGTERM)
    while any(process.is_alive() for process in workers) and any(
        job.is_locked(if_unknown=False) for job in folder.jobs()
    ):
        time.sleep(0.1)
    interruption.check()


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
