"""The runs below a folder."""

import os
import re
from pathlib import Path

from ganexp.run_folder.folder import RunFolder


def runs(root: Path) -> list[RunFolder]:
    """The folders of the runs below `root`, in the order of their names. No run lies in another run's folder, or in a
    hidden folder."""
    found = []
    for path, below, files in os.walk(root):
        folder = RunFolder(Path(path))
        is_run = folder.record.name in files or folder.config.is_file()
        if is_run:
            found.append(folder)
        below[:] = [name for name in below if not is_run and not name.startswith(".")]
    return sorted(found, key=lambda folder: natural(str(folder.path)))


def natural(text: str) -> list[tuple[int, str]]:
    """A sort key that orders numbers within the text by value: 9 before 10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", text)]
