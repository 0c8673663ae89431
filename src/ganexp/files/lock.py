"""A lock that ends with its process, however the process ends: the system holds it on a file."""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

ATTEMPTS = 5
"""How often, in half a second, a process tries to take a lock."""


@contextlib.contextmanager
def held(file: Path) -> Iterator[None]:
    """Inside the block, this process has the lock on `file`, which is made if it is not there.

    BlockingIOError if another process has the lock. OSError if the file cannot be written.
    """
    with open(file, "ab") as opened:
        for attempt in range(ATTEMPTS):
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:  # Perhaps `is_held` has it, for a moment.
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(0.1)
            except OSError:  # Some network file systems have no locks.
                break
        yield


def is_held(file: Path, if_unknown: bool = True) -> bool:
    """Whether a process has the lock on `file`; `if_unknown` if the system does not tell."""
    try:
        with open(file, "rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError:
        return if_unknown
    return False
