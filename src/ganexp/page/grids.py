"""The pictures of a run as data URIs, as many as a budget of bytes allows."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ganexp.run_folder.folder import RunFolder, step_of

COUNTS = (24, 16, 12, 8, 6, 4, 3, 2)
"""Numbers of frames that are tried for a run; the first and the last frame are always among them."""

WIDTHS = (640, 320, 160)
"""Widths in pixels that are tried for a single picture."""


@dataclass(frozen=True)
class Frame:
    step: int
    uri: str


def frames(folder: RunFolder, budget: int, last_only: bool = False) -> list[Frame]:
    """Grids of a run, evenly chosen over the run; all URIs together are within `budget` bytes.

    The list is empty if there are no grids, or if even a small last one is too large.
    """
    steps = [(step_of(path) or 0, path) for path in folder.grids()]
    encoded: dict[int, str] = {}

    def frame(step: int, path: Path) -> Frame:
        if step not in encoded:
            encoded[step] = _uri(path, WIDTHS[0])
        return Frame(step, encoded[step])

    for most in COUNTS if len(steps) > 1 and not last_only else ():
        count = min(most, len(steps))
        # The size of the last grid tells which counts are hopeless, and saves encoding their frames.
        if count * len(frame(*steps[-1]).uri) > 1.5 * budget:
            continue
        found = [frame(*steps[round(i * (len(steps) - 1) / (count - 1))]) for i in range(count)]
        if sum(len(f.uri) for f in found) <= budget:
            return [f for f in found if f.uri]
    if steps and (uri := picture(steps[-1][1], budget)):
        return [Frame(steps[-1][0], uri)]
    return []


def picture(path: Path, budget: int) -> str:
    """One picture within `budget` bytes; empty if there is none, or if even a small one is too large."""
    for width in WIDTHS if path.is_file() else ():
        if len(uri := _uri(path, width)) <= budget:
            return uri
    return ""


def _uri(path: Path, width: int) -> str:
    """The picture as WebP, which is half the size of PNG; empty if it cannot be read."""
    try:
        with Image.open(path) as opened:
            whole = opened.convert("RGB") if opened.mode in ("P", "RGBA") else opened
            if whole.width > width:
                # A whole factor keeps enlarged pixels sharp.
                whole = whole.reduce(-(-whole.width // width))
            buffer = io.BytesIO()
            whole.save(buffer, "WEBP", quality=70, method=1)  # The default method takes three times as long.
    except (OSError, ValueError):
        return ""
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
