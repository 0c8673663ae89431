"""The start of this process."""

import os
import time
from pathlib import Path


def process_start() -> float:
    """The time at which this process began, in seconds since the epoch. Systems without /proc give the current time."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return time.time()
    return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")
