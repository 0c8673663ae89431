"""`run.json`: what a run is and how it went, at any time."""

import contextlib
import json
import math
import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ganexp import __version__
from ganexp.errors import UserError
from ganexp.files.whole import write_whole
from ganexp.run_folder.folder import RunFolder


class Record:
    """The contents of a `run.json`. The file on disk is whole after every change."""

    def __init__(self, folder: RunFolder, resumed: bool = False):
        """resumed: go on with the contents that are there, if the file is whole."""
        self.folder = folder
        self.contents: dict[str, Any] = folder.known_record() if resumed else {}

    def write(self, **changes: Any) -> None:
        self.contents |= changes
        self.folder.check_still_there()
        write_whole(self.folder.record, json.dumps(self.contents, indent=2) + "\n")

    @contextmanager
    def keep(self, **about: Any) -> Iterator[None]:
        """Inside the block the status is running; afterwards finished, or interrupted or failed with the reason."""
        packages = ("torch", "pytorch-lightning", "hydra-core", "omegaconf")
        versions = {"ganexp": __version__, "python": platform.python_version()} | {p: version(p) for p in packages}
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        self.contents.pop("why", None)
        self.write(status="running", **about, started=started, versions=versions, git_commit=_git_commit())
        try:
            yield
        except KeyboardInterrupt as interruption:
            self._end(status="interrupted", why=str(interruption) or "KeyboardInterrupt")
            raise
        except SystemExit:  # Submitit ends a job with it when Slurm is about to stop the job.
            self.write(status="interrupted", why="SystemExit")
            raise
        except UserError as mistake:
            self._end(status="failed", why=str(mistake))
            raise
        except BaseException as error:
            self._end(status="failed", why=f"{type(error).__name__}: {error}")
            raise
        self.write(status="finished")

    def _end(self, **changes: Any) -> None:
        """Write as `write` does. A full disk, or a folder that is gone, does not hide why the run ended."""
        with contextlib.suppress(OSError):
            self.write(**changes)


def headline(record: dict[str, Any]) -> float | None:
    """The FID of a record's final evaluation, against the training pictures; None if it is missing or not finite."""
    evaluation = record.get("evaluation", {})
    fid = evaluation.get("figures", {}).get(f"fid_{evaluation.get('card', {}).get('evaluator')}")
    return fid if fid is not None and math.isfinite(fid) else None


def _git_commit() -> str | None:
    """The commit of the checkout that holds this code; None outside a checkout, and in another project's repository."""
    here = Path(__file__)
    git = ["git", "-C", str(here.parent)]
    try:
        subprocess.run([*git, "ls-files", "--error-unmatch", here.name], capture_output=True, check=True)
        return subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
