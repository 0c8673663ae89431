"""The start of this process."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

_begun: float | None = None


@contextlib.contextmanager
def begins() -> Iterator[None]:
    """Inside the block, a run counts its seconds from now: its process may be a notebook that is hours old."""
    global _begun
    _begun = time.time()
    try:
        yield
    finally:
        _begun = None


def process_start() -> float:
    """The time at which this process began, in seconds since the epoch. Systems without /proc give the current time."""
    if _begun is not None:
        return _begun
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return time.time()
    return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")
