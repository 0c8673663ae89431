"""`run.json`: what a run is and how it went, at any time."""

import json
import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ganexp import __version__
from ganexp.errors import UserError
from ganexp.folder import RunFolder, write_whole


class Record:
    """The contents of a `run.json`. The file on disk is whole after every change."""

    def __init__(self, folder: RunFolder, resumed: bool = False):
        """resumed: go on with the contents that are there, if the file is whole."""
        self.folder = folder
        self.contents: dict[str, Any] = {}
        if resumed:
            with suppress(OSError, ValueError):
                self.contents = folder.read_record()

    def write(self, **changes: Any) -> None:
        self.contents |= changes
        write_whole(self.folder.record, json.dumps(self.contents, indent=2) + "\n")

    @contextmanager
    def keep(self, **about: Any) -> Iterator[None]:
        """Inside the block the status is running; afterwards it is finished, or interrupted or failed with a reason."""
        packages = ("torch", "pytorch-lightning", "hydra-core", "omegaconf")
        versions = {"ganexp": __version__, "python": platform.python_version()} | {p: version(p) for p in packages}
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        self.contents.pop("why", None)
        self.write(status="running", **about, started=started, versions=versions, git_commit=_git_commit())
        try:
            yield
        except KeyboardInterrupt as interruption:
            self.write(status="interrupted", why=str(interruption) or "KeyboardInterrupt")
            raise
        except UserError as mistake:
            self.write(status="failed", why=str(mistake))
            raise
        except BaseException as error:
            self.write(status="failed", why=f"{type(error).__name__}: {error}")
            raise
        self.write(status="finished")


def _git_commit() -> str | None:
    """The commit of the checkout that holds this code; None outside a checkout, and in another project's repository."""
    here = Path(__file__)
    git = ["git", "-C", str(here.parent)]
    try:
        subprocess.run([*git, "ls-files", "--error-unmatch", here.name], capture_output=True, check=True)
        return subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
