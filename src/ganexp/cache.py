"""Results that take long to compute, kept in the user's cache folder. The folder may be deleted at any time."""

import contextlib
import logging
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pooch
import torch

log = logging.getLogger("ganexp")


def cached(name: str, compute: Callable[[], dict[str, Any]], mmap: bool = False, anew: bool = False) -> dict[str, Any]:
    """The result of `compute`, a dict of tensors and plain values, from the file `name` of the cache if possible.

    The file is checked whenever it is read. `compute` is called, and the file is written, if the file is missing, if
    its bytes changed, or if it holds something else.

    mmap: map the file's tensors instead of reading them, so that a tensor that nobody uses needs no memory.
    anew: compute even if the file is there.
    """
    path = Path(pooch.os_cache("ganexp")) / name
    if not anew and (kept := _read(path, name, mmap)) is not None:
        return kept
    computed, temporary = compute(), path.with_suffix(f".{os.getpid()}")
    try:
        if not path.is_absolute():  # The system knows no home folder for this user.
            raise OSError("there is no home folder; set XDG_CACHE_HOME to a folder that can be written")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.save({"name": name, "content": computed}, temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:  # On a full disk torch raises RuntimeError.
        log.warning("%s cannot be kept, so it will be computed again: %s", path, str(error).splitlines()[0])
    return computed


def _read(path: Path, name: str, mmap: bool) -> dict[str, Any] | None:
    """The content that was kept under `name`, or None if the file is missing or not as it was written."""
    with contextlib.suppress(Exception):  # A broken file can raise any exception in torch.load.
        with zipfile.ZipFile(path) as file:  # torch writes checksums and does not look at them.
            damaged = file.testzip()
        kept = torch.load(path, weights_only=True, mmap=mmap)
        if damaged is None and kept["name"] == name:
            return kept["content"]
    return None
