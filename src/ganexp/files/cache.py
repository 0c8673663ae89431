"""Results that take long to compute, kept in the user's cache folder. The folder may be deleted at any time."""

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pooch

from ganexp.files import tensor_files

log = logging.getLogger("ganexp")


def folder() -> Path:
    """The user's cache folder, which may not exist yet. OSError if the system knows no home folder for this user."""
    with contextlib.suppress(RuntimeError):  # A user who is not in the system's list, as in some containers.
        path = Path(pooch.os_cache("ganexp"))
        if path.is_absolute():
            return path
    raise OSError("there is no home folder; set XDG_CACHE_HOME to a folder that can be written")


def cached(name: str, compute: Callable[[], dict[str, Any]], mmap: bool = False, anew: bool = False) -> dict[str, Any]:
    """The result of `compute`, a dict of tensors and plain values, from the file `name` of the cache if possible.

    The file is checked whenever it is read. `compute` is called, and the file is written, if the file is missing, if
    its bytes changed, or if it holds something else.

    mmap: map the file's tensors instead of reading them, so that a tensor that nobody uses needs no memory.
    anew: compute even if the file is there.
    """
    if not anew and (kept := _read(name, mmap)) is not None:
        return kept
    computed = compute()
    try:
        tensor_files.write({"name": name, "content": computed}, folder() / name)
    except OSError as error:
        log.warning("%s cannot be kept, so it will be computed again: %s", name, str(error).splitlines()[0])
    return computed


def _read(name: str, mmap: bool) -> dict[str, Any] | None:
    """The content that was kept under `name`, or None if the file is missing or not as it was written."""
    with contextlib.suppress(Exception):
        kept = tensor_files.read(folder() / name, mmap=mmap)
        if kept["name"] == name:
            return kept["content"]
    return None
