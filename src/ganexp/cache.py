"""What takes long to compute and may be thrown away: kept in the user's cache folder."""

import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pooch
import torch

log = logging.getLogger("ganexp")


def cached(name: str, compute: Callable[[], dict[str, Any]], mmap: bool = False) -> dict[str, Any]:
    """What `compute` gives, tensors and plain values; from the file `name` of the cache if that is there and whole.

    mmap: map a file's tensors instead of reading them, so that what nobody looks at costs nothing.
    """
    path = Path(pooch.os_cache("ganexp")) / name
    with contextlib.suppress(Exception):  # torch.load raises whatever a broken file makes it stumble on.
        return torch.load(path, weights_only=True, mmap=mmap)
    computed, temporary = compute(), path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.save(computed, temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:  # Of a full disk torch says RuntimeError.
        log.warning("%s cannot be kept, so it will be computed anew: %s", path, str(error).splitlines()[0])
    return computed
