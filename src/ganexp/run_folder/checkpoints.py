"""Checkpoints as files: read whole, or refused."""

import contextlib
import logging
import math
from pathlib import Path
from typing import Any

from ganexp.errors import UserError
from ganexp.files import tensor_files
from ganexp.run_folder.folder import RunFolder, step_of

log = logging.getLogger("ganexp")


def read(path: Path) -> dict[str, Any]:
    """The contents of a checkpoint. Its tensors stay on the disk until they are used, and then lie on the CPU.

    UserError if the file is cut, altered, or no checkpoint. Nothing in the file is executed.
    """
    with contextlib.suppress(Exception):
        contents = tensor_files.read(path, mmap=True)
        if {"state_dict", "global_step"} <= contents.keys():
            return contents
    raise UserError(f"{path}: not a whole checkpoint; name another one")


def of_another_run(contents: dict[str, Any], run: str | None) -> bool:
    """Whether a checkpoint has another id than `run`. Older runs and checkpoints have no id."""
    return run is not None and contents.get("run", run) != run


def first_whole(candidates: list[Path], run: str | None) -> Path | None:
    """The first of these checkpoints that is whole and not of another run; a warning names each that is passed over."""
    for path in candidates:
        try:
            if not of_another_run(read(path), run):
                return path
            log.warning("%s is of another run", path)
        except UserError:
            log.warning("%s is %s", path, "damaged" if path.is_file() else "missing")
    return None


def is_usable(path: Path, folder: RunFolder, until: int) -> bool:
    """Whether the file is whole, its run is the folder's, and its iteration is not later than `until`."""
    with contextlib.suppress(UserError):
        contents = read(path)
        return not of_another_run(contents, folder.known_record().get("id")) and contents["global_step"] <= until
    return False


def in_turn(folder: RunFolder) -> list[Path]:
    """The checkpoints that a run can go on from, the newest first. A damaged `last` stands first."""
    steps: dict[Path, float] = {folder.last: math.inf}
    steps |= {path: step_of(path) or 0 for path in folder.numbered_checkpoints()}
    for path in (folder.last, folder.best):
        with contextlib.suppress(UserError):
            steps[path] = read(path)["global_step"]
    return sorted(steps, key=steps.__getitem__, reverse=True)


def newest_whole(folder: RunFolder, key: str = "resume") -> Path:
    """The checkpoint where a resume or a fork goes on. UserError, which names `key`, if there is none."""
    found = first_whole(in_turn(folder), folder.known_record().get("id"))
    if found is not None:
        return found
    raise UserError(
        f"{key}={folder.path}: no whole checkpoint in {folder.checkpoints}; name a run's folder, such as outputs/…"
    )
