"""`run.json`: what a run is and how it went, at any time."""

import json
import os
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


class Record:
    """The contents of a `run.json`, on disk whole after every change. A resumed run's record goes on from its own."""

    def __init__(self, path: Path, resumed: bool = False):
        self.path = path
        self.contents: dict[str, Any] = json.loads(path.read_text()) if resumed else {}

    def write(self, **changes: Any) -> None:
        self.contents |= changes
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.contents, indent=2) + "\n")
        os.replace(temporary, self.path)

    @contextmanager
    def keep(self, **about: Any) -> Iterator[None]:
        """While the block runs the status is running; then finished, interrupted or failed, with why."""
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
    """The commit of the checkout that this code runs from; None outside one, in another project's repository too."""
    here = Path(__file__)
    git = ["git", "-C", str(here.parent)]
    try:
        subprocess.run([*git, "ls-files", "--error-unmatch", here.name], capture_output=True, check=True)
        return subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
