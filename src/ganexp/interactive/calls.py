"""Commands, called from Python: the same words, the same folders, and a `Run` as the result."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from ganexp import command
from ganexp.console import refusals
from ganexp.console.arguments import Arguments
from ganexp.errors import UserError
from ganexp.interactive import guest
from ganexp.processes import interruption, ranks, worker
from ganexp.run_folder.folder import RunFolder
from ganexp.sweeps import running
from ganexp.train import prepare
from ganexp.train import train as train_one

if TYPE_CHECKING:
    from ganexp.run import Run

LOGGING = ("hydra.job_logging.root=null", "hydra.hydra_logging.root=null")
"""Hydra then leaves the process's logging alone."""


# Torch takes seconds to import, so mistakes are reported first.
def train(*words: str) -> "Run":
    """Train one GAN: `train("model=vanilla", "trainer.max_steps=2000")`.

    words: what stands behind `python -m ganexp.train`.

    UserError for a mistake, with the sentence that the command prints. Ctrl-C, or a notebook's stop button, saves the
    run and raises KeyboardInterrupt.
    """
    if "-m" in words or "--multirun" in words:
        raise UserError("-m: several runs are ganexp.sweep(…), without -m")
    (folder,) = _call(words)
    from ganexp.run import Run

    return Run.open(folder)


def sweep(*words: str) -> "list[Run]":
    """See `ganexp.sweep`."""
    with running.reported() as begun:
        _call(("-m", *words))
    from ganexp.run import Run

    assert begun.folder is not None
    return [Run.open(job.path) for job in begun.folder.jobs()]


def runs(root: str | Path) -> "list[Run]":
    """See `ganexp.runs`."""
    from ganexp.page import collect
    from ganexp.run import Run

    found = []
    for folder in collect.folders(Path(root)):
        with contextlib.suppress(UserError):
            found.append(Run.open(folder))
    if not found:
        raise UserError(f"root={root}: no run below this folder has a checkpoint; name another folder")
    return found


def _call(words: tuple[str, ...]) -> list[Path]:
    """Run the command with these words. Returns the folders of the runs that this process trained; the workers of a
    sweep may have trained others."""
    wrong = next((word for word in words if not isinstance(word, str)), None)
    if wrong is not None:
        raise UserError(f"{wrong!r}: type each word as a text of its own, such as 'trainer.max_steps=2000'")
    started_by = ranks.starter()
    if started_by is not None:
        raise UserError(
            f"{started_by.name} started {started_by.processes} processes, and Python trains from one; start "
            f"python -m ganexp.train by {started_by.name}, or type trainer.devices=…"
        )
    folders: list[Path] = []
    train = command.job_of(train_one, _raise)

    def job(composed: DictConfig) -> object:
        folder = RunFolder(Path(HydraConfig.get().runtime.output_dir))
        folders.append(folder.path)
        with guest.run(folder.log):
            return train(composed)

    try:
        with guest.hydra(), interruption.listening():
            read = Arguments.read(words, known=lambda: refusals.taken("train"))
            for flag in read.flags:
                if not flag.startswith(("--config-dir", "--multirun")):
                    raise UserError(f"{flag}: a flag of the command line; in Python leave it out")
            command.execute("train", job, read, _prepare, sweeps=read.multirun)
    except command.JobError as failure:
        if failure.__cause__ is None:  # It comes from another process.
            raise
        raise failure.__cause__ from None
    except worker.Stopped as stopped:
        raise interruption.Interrupted(str(stopped)) from None
    return folders


def _prepare(read: Arguments) -> Arguments:
    return prepare(read).around(after=LOGGING)


def _raise(error: Exception) -> NoReturn:
    raise command.PastHydra(error)
