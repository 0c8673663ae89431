"""A run's folder: the name of every file in it, and what its files say of the run.

Users rely on these names. No other module contains them.
"""

import contextlib
import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganexp.console.arguments import line, override
from ganexp.errors import UserError
from ganexp.files import lock
from ganexp.files.whole import from_here, remove_unfinished, write_whole


@dataclass(frozen=True)
class RunFolder:
    """path: the folder."""

    path: Path

    def __str__(self) -> str:
        """The path as one would type it from the current directory."""
        return str(from_here(self.path))

    @property
    def record(self) -> Path:
        return self.path / "run.json"

    @property
    def lock(self) -> Path:
        """The file on which the process that trains the run holds a lock."""
        return self.path / ".lock"

    @property
    def log(self) -> Path:
        return self.path / "train.log"

    @property
    def metrics(self) -> Path:
        """One JSON object a line, one line an evaluation."""
        return self.path / "metrics.jsonl"

    @property
    def config(self) -> Path:
        """The composed configuration."""
        return self.path / ".hydra" / "config.yaml"

    @property
    def hydra(self) -> Path:
        """Hydra's own configuration, with the choices of the groups."""
        return self.path / ".hydra" / "hydra.yaml"

    @property
    def overrides(self) -> Path:
        """A list of what was typed."""
        return self.path / ".hydra" / "overrides.yaml"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def last(self) -> Path:
        """The checkpoint where a resume goes on."""
        return self.checkpoint("last")

    @property
    def best(self) -> Path:
        """The checkpoint of the lowest FID while training."""
        return self.checkpoint("best")

    @property
    def start(self) -> Path:
        """The checkpoint that a forked run starts from, made from its parent's."""
        return self.checkpoint("start")

    @property
    def nan(self) -> Path:
        """The networks at the moment when a loss was no longer finite."""
        return self.checkpoint("nan")

    def checkpoint(self, which: str | int) -> Path:
        """The checkpoint of a name such as `last`, or of an iteration."""
        return self.checkpoints / f"{numbered(which)}.ckpt"

    def numbered_checkpoints(self) -> list[Path]:
        """The checkpoints of iterations, in order."""
        return in_order(self.checkpoints.glob("step-*.ckpt"))

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    def grid(self, step: int) -> Path:
        return self.samples / f"{numbered(step)}.png"

    def grids(self) -> list[Path]:
        """The grids, in the order of their iterations."""
        return in_order(self.samples.glob("step-*.png"))

    @property
    def real(self) -> Path:
        """A grid of training pictures, in the shape of the other grids."""
        return self.samples / "real.png"

    @property
    def animation(self) -> Path:
        """All grids, one after another."""
        return self.samples / "progress.gif"

    def neighbours(self, apart: str = "") -> Path:
        """Samples beside their nearest training pictures. `apart` names an evaluation other than the run's own."""
        return self.samples / f"neighbours{apart}.png"

    @property
    def export(self) -> Path:
        return self.path / "export"

    def events(self) -> list[Path]:
        """TensorBoard's files, the oldest first."""
        return sorted(self.path.glob("events.out.tfevents.*"))

    @property
    def row(self) -> Path:
        """A folder of event files: the run's row in TensorBoard's table of runs."""
        return self.path / "hparams"

    @property
    def csv(self) -> Path:
        """The curves of `logger=csv`: a folder for each start."""
        return self.path / "csv"

    def csvs(self) -> list[Path]:
        """The files of `logger=csv`, in the order of the starts. Older runs have one file beside the folder."""
        named = (path for path in self.csv.glob("version_*/metrics.csv") if path.parent.name[8:].isdecimal())
        versions = sorted(named, key=lambda path: int(path.parent.name[8:]))
        return [*self.path.glob("metrics.csv"), *versions]

    @property
    def resume(self) -> str:
        """The command that goes on with the run."""
        return line("train", override("resume", str(self)))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Inside the block, this process alone works in the folder. UserError if another process does already."""
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(lock.held(self.lock))
            except BlockingIOError:
                raise self._taken() from None
            except OSError as error:
                raise UserError(f"{self.path}: the run's folder cannot be written ({error.strerror})") from None
            remove_unfinished(self.path)
            yield

    def check_free(self) -> None:
        """UserError if another process is known to work in the folder."""
        if self.is_locked(if_unknown=False):
            raise self._taken()

    def _taken(self) -> UserError:
        return UserError(f"{self.path}: another process is training in this folder; wait for its end, or stop it")

    def is_locked(self, if_unknown: bool = True) -> bool:
        """Whether a process works in the folder. On a disk without locks, the answer is `if_unknown`."""
        return lock.is_held(self.lock, if_unknown)

    def read_record(self) -> dict[str, Any]:
        """The contents of `run.json`. OSError or ValueError if there is no such file, or it holds no record.

        If the record says "running" but no process works in the folder, the run was killed, and its status is "killed".
        """
        record = self._record()
        if record["status"] == "running" and not self.is_locked():
            record = self._record()  # The run may just have ended.
            if record["status"] == "running":
                record |= {"status": "killed", "why": "Its process ended without a message."}
        return record

    def _record(self) -> dict[str, Any]:
        record = json.loads(self.record.read_text(encoding="utf-8"))
        if not isinstance(record, dict) or "status" not in record:
            raise ValueError("it holds no record of a run")
        return record

    def rewind(self, step: int) -> None:
        """Remove the evaluations and the checkpoints after iteration `step`, and a line of metrics that was cut short.

        A resume makes them again. Checkpoints that are newer than the one of the resume are not whole.
        """
        for path in self.numbered_checkpoints():
            if (step_of(path) or 0) > step:
                path.unlink(missing_ok=True)
        if not self.metrics.is_file():
            return
        kept = []
        for text in self.metrics.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError):
                if json.loads(text)["step"] <= step:
                    kept.append(f"{text}\n")
        write_whole(self.metrics, "".join(kept))

    def known_record(self) -> dict[str, Any]:
        """The contents of `run.json`; empty if it is missing or damaged."""
        try:
            return self.read_record()
        except (OSError, ValueError):
            return {}

    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint to go on from; it may be damaged."""
        return self.last.is_file() or self.best.is_file() or bool(self.numbered_checkpoints())

    def holds_a_run(self) -> bool:
        """Whether the folder holds a run, with which no other run may mix. A start that saved nothing is no run."""
        return self.has_checkpoint() or self.known_record().get("status") == "finished"

    def clear(self) -> None:
        """Remove the files of a start that saved no checkpoint."""
        made = (self.metrics, self.nan, self.start, self.real, self.animation, *self.grids(), *self.events())
        for path in made:
            path.unlink(missing_ok=True)
        for folder in (self.row, self.csv):
            shutil.rmtree(folder, ignore_errors=True)

    def check_still_there(self) -> None:
        """FileNotFoundError if somebody removed the folder. A write would make a new folder that holds no whole run."""
        if not self.path.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))

    def append_metrics(self, evaluation: dict[str, Any]) -> None:
        """Add one evaluation to `metrics`."""
        with open(self.metrics, "ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # A process was killed while it wrote the line, or the disk was full.
                    file.seek(0)
                    file.truncate(file.read().rfind(b"\n") + 1)
            file.write(json.dumps(evaluation).encode() + b"\n")


def numbered(which: str | int) -> str:
    """`step-000100` for iteration 100; a name stays as it is."""
    return f"step-{which:06d}" if isinstance(which, int) else which


def step_of(path: Path) -> int | None:
    """The iteration in a name such as `step-000100.png`; None for other names, such as `step-000100-good.png`."""
    match = re.fullmatch(r"step-(\d+)", path.stem)
    return int(match[1]) if match else None


def in_order(paths: Iterator[Path]) -> list[Path]:
    """The files whose names are iterations, in the order of the numbers. As text, a million comes before 200,000."""
    steps = ((step_of(path), path) for path in paths)
    return [path for _, path in sorted((step, path) for step, path in steps if step is not None)]
