"""A sweep as a whole: whether it may begin in its folder, how it is stopped, and what it says at its end."""

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

import yaml
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from ganexp import resume
from ganexp.arguments import line, override
from ganexp.command import refuse
from ganexp.errors import UserError
from ganexp.folder import RunFolder, write_whole

log = logging.getLogger("ganexp")

PATIENCE = 10.0
"""Seconds after which a second signal ends a sweep without waiting for its jobs to save."""


class Sweep(Callback):
    """Notes the sweep that Hydra begins. Hydra calls no callback at the end of a sweep in which a job failed."""

    folder: ClassVar[Path | None] = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        try:
            resume.refuse_changed_sweep(folder, config)
            folder.mkdir(parents=True, exist_ok=True)
        except UserError as error:  # Hydra would turn an exception of a callback into a warning.
            refuse(str(error))
        except OSError:
            return  # Hydra meets the same error, and ends with it.
        Sweep.folder = folder
        if not (folder / resume.SWEEP).is_file():  # Hydra's own sweeper writes this file again, other sweepers do not.
            write_whole(folder / resume.SWEEP, OmegaConf.to_yaml(config))
        if "joblib" in config.hydra.launcher._target_:
            stop = _Stop(folder)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, stop)


class _Stop:
    """A handler of signals: tells the workers to save, waits for them, and only then ends the sweep.

    Joblib would kill the workers at once.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._at: float | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self._at is not None:
            if time.monotonic() - self._at > PATIENCE:
                raise KeyboardInterrupt(name)
            return
        self._at = time.monotonic()
        print(f"{name}: the jobs that run are saved, then the sweep ends", file=sys.stderr)
        workers = multiprocessing.active_children()
        for process in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid or 0, signal.SIGTERM)
        while any(process.is_alive() for process in workers) and any(job.is_locked() for job in _jobs(self.folder)):
            time.sleep(0.1)
        raise KeyboardInterrupt(name)


@contextmanager
def reported() -> Iterator[None]:
    """If a sweep was run in the block, its end is reported, however the block ended.

    `report.html` is in the sweep's folder afterwards. Each job that did not finish is named on stderr, with the command
    that runs these jobs again. SystemExit with status 1 if there is such a job and nothing else was raised.
    """
    Sweep.folder = None
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    left: list[tuple[str, str]] = []
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        # Hydra may have refused the command line: then there is no sweep, or none of its jobs began.
        if Sweep.folder is not None and _jobs(Sweep.folder):
            _report(Sweep.folder)
            left = unfinished(Sweep.folder)
            _tell(Sweep.folder, left)
    if left:
        sys.exit(1)


def unfinished(folder: Path) -> list[tuple[str, str]]:
    """The jobs of a sweep that did not finish: the name of each, and why it did not."""
    jobs = _jobs(folder)
    records = {job: job.known_record() for job in jobs}
    left = []
    for job, record in records.items():
        status = record.get("status", "unknown")
        if status != "finished":
            why = str(record.get("why", "")).partition("\n")[0]
            left.append((str(job.path.relative_to(folder)), f"{status}: {why}" if why else status))
    begun = {frozenset(_overrides(job)) for job in jobs}
    never = [words for words in planned(folder) if frozenset(words) not in begun]
    return left + [(" ".join(words), "never started") for words in never]


def planned(folder: Path) -> list[list[str]]:
    """The overrides of each job of a sweep; none for a sweeper that chooses its jobs as it goes."""
    saved = resume.load_sweep(folder)
    if not saved.hydra.sweeper._target_.endswith("BasicSweeper"):
        return []
    sweeper: Any = OmegaConf.to_container(saved.hydra.sweeper, resolve=False)
    words = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    return product([*words, *resume.lasting(saved.hydra.overrides.task)])


def product(overrides: list[str]) -> list[list[str]]:
    """The overrides of each job that Hydra's own sweeper makes of a command line."""
    (jobs,) = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(overrides), max_batch_size=None)
    return jobs


def _jobs(folder: Path) -> list[RunFolder]:
    """The folders of a sweep's jobs, in the order of their names."""
    return [RunFolder(record.parent) for record in sorted(folder.rglob("run.json"))]


def _overrides(job: RunFolder) -> list[str]:
    try:
        words = yaml.load(job.overrides.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, yaml.YAMLError):
        return []
    return resume.lasting(words or [])


def _report(folder: Path) -> None:
    from ganexp.report import write

    out = folder / "report.html"
    try:
        print(f"The report of {write(folder, out)} is {out}", file=sys.stderr)
    except Exception:
        log.exception("The report could not be written:")


def _tell(folder: Path, left: list[tuple[str, str]]) -> None:
    if not left:
        return
    print(f"{len(left)} job{'s' * (len(left) > 1)} did not finish:", file=sys.stderr)
    for name, why in left:
        print(f"  {name}: {why}", file=sys.stderr)
    again = line("train", override("resume", str(RunFolder(folder))), flags=["-m"])
    print(f"To run {'these' if len(left) > 1 else 'this job'} again: {again}", file=sys.stderr)
