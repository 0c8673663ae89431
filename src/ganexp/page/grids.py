"""The pictures of a run as data URIs, as many as a budget of bytes allows."""

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

COUNTS = (24, 16, 12, 8, 6, 4, 3, 2)
"""Numbers of frames that are tried for a run; the first and the last frame are always among them."""

WIDTHS = (640, 320, 160)
"""Widths in pixels that are tried for a single picture."""


@dataclass(frozen=True)
class Frame:
    step: int
    uri: str


def frames(run: Path, budget: int, last_only: bool = False) -> list[Frame]:
    """Grids of `run/samples/step-NNNNNN.png`, evenly chosen over the run; all URIs together are within `budget` bytes.

    The list is empty if there are no grids, or if even a small last one is too large.
    """
    matches = (re.fullmatch(r"step-(\d+)\.png", path.name) for path in (run / "samples").glob("step-*.png"))
    steps = sorted((int(match[1]), match[0]) for match in matches if match)
    encoded: dict[str, str] = {}

    def frame(step: int, name: str) -> Frame:
        if name not in encoded:
            encoded[name] = _uri(run / "samples" / name, WIDTHS[0])
        return Frame(step, encoded[name])

    for most in COUNTS if len(steps) > 1 and not last_only else ():
        count = min(most, len(steps))
        # The size of the last grid tells which counts are hopeless, and saves encoding their frames.
        if count * len(frame(*steps[-1]).uri) > 1.5 * budget:
            continue
        found = [frame(*steps[round(i * (len(steps) - 1) / (count - 1))]) for i in range(count)]
        if sum(len(f.uri) for f in found) <= budget:
            return [f for f in found if f.uri]
    if steps and (uri := picture(run / "samples" / steps[-1][1], budget)):
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
