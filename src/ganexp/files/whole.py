"""Files that are whole at any moment: new content replaces the old content in a single step."""

import contextlib
import glob
import os
import socket
from collections.abc import Iterator
from pathlib import Path

UNFINISHED = ".unfinished-"
"""The name of a file that is being written begins with this word, the process and its host."""


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to. When the block ends, that file takes the place of `path`; if the block fails, `path` stays.

    So `path` is whole at any moment, also if the process is killed or the disk is full. OSError, with `path`.
    """
    temporary = path.with_name(f"{UNFINISHED}{os.getpid()}@{socket.gethostname()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        # If the system refuses, torch raises an exception of its own. Its context is the system's exception.
        refusal = error if isinstance(error, OSError) else error.__context__
        if isinstance(refusal, OSError) and refusal.errno and refusal.filename in (None, str(temporary)):
            raise OSError(refusal.errno, refusal.strerror, str(path)) from error
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content` to `path`, as a whole or not at all."""
    with whole(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def from_here(path: Path) -> Path:
    """The path as one would type it from the current directory."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def remove_unfinished(folder: Path) -> None:
    """Remove every unfinished file below `folder`. No process may be writing there."""
    for left in folder.rglob(f"{UNFINISHED}*"):
        left.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove the files of processes of this host that were killed while they wrote `path`."""
    mine = glob.escape(f"@{socket.gethostname()}-{path.name}")
    for left in path.parent.glob(f"{UNFINISHED}*{mine}"):
        process = left.name.removeprefix(UNFINISHED).partition("@")[0]
        if process.isdecimal() and not _lives(int(process)):
            left.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # The process belongs to another user.
    return True
