"""Files of tensors: written whole, and checked when they are read. torch writes checksums, but never looks at them."""

import zipfile
from pathlib import Path
from typing import Any

import torch

from ganexp.files.whole import whole


def write(contents: dict[str, Any], path: Path) -> None:
    """Write a dict of tensors and plain values. The file replaces an old one in a single step. OSError, with `path`."""
    # Through Python's own file: torch's writer forgets why the system refuses.
    with whole(path) as temporary, open(temporary, "wb") as file:
        torch.save(contents, file)


def read(path: Path, device: torch.device | str = "cpu", mmap: bool = False) -> Any:
    """The contents of a file, with its tensors on `device`. Nothing in the file is executed.

    mmap: map the tensors instead of reading them, so that a tensor that nobody uses needs no memory. An exception of
    any kind if the file is missing, cut or altered, or is no such file.
    """
    with zipfile.ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise ValueError(f"{path}: {damaged} was altered")
    return torch.load(path, weights_only=True, mmap=mmap, map_location=device)
