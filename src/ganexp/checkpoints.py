"""Checkpoints as files: read whole, or refused."""

import zipfile
from pathlib import Path
from typing import Any

import torch

from ganexp.errors import UserError
from ganexp.folder import RunFolder


def read(path: Path) -> dict[str, Any]:
    """The contents of a checkpoint. Its tensors stay on the disk until they are used, and then lie on the CPU.

    UserError if the file is cut, altered, or no checkpoint. Nothing in the file is executed.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # torch.load does not compare the checksums of the tensors.
            damaged = archive.testzip()
        if damaged is None:
            contents = torch.load(path, weights_only=True, mmap=True, map_location="cpu")
            if {"state_dict", "global_step"} <= contents.keys():
                return contents
    except Exception:  # torch.load raises many kinds of exceptions for files that are no checkpoints.
        pass
    raise UserError(f"checkpoint={path}: not a whole checkpoint; name best, last, or another file")


def newest_whole(folder: RunFolder) -> Path:
    """The checkpoint where a resume goes on: `last`, or the newest numbered one if `last` is missing or damaged.

    UserError if there is none.
    """
    candidates = [folder.last, *reversed(folder.numbered_checkpoints())]
    for path in candidates:
        try:
            read(path)
        except UserError:
            continue
        return path
    raise UserError(
        f"resume={folder.path}: no whole checkpoint in {folder.checkpoints}; name a run's folder, such as outputs/…"
    )
