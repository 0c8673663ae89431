"""The key `out`: the file or the folder that a command writes."""

import os
from pathlib import Path

from ganexp.errors import UserError


def writable(out: Path, folder: bool = False) -> Path:
    """`out`, if it can be written as a file, or as a folder.

    UserError if not: a mistake should be told before the work.
    """
    try:
        if out.exists() and out.is_dir() != folder:
            raise UserError(
                f"out={out}: there is {'a folder' if out.is_dir() else 'a file'} of that name; name another"
            )
        there = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
        if not os.access(there, os.W_OK) or not (there.is_dir() or out.exists()):
            raise UserError(f"out={out}: {there} cannot be written; name another")
    except OSError as error:
        raise UserError(f"out={out}: it cannot be written ({error.strerror}); name another") from None
    return out
