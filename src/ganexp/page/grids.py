"""The grids of a run as data URIs, as many as a budget of bytes allows."""

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

COUNTS = (24, 16, 12, 8, 6, 4, 3, 2)
"""Frames of a run that are tried, the first and the last always among them."""

WIDTHS = (480, 240, 120)
"""Pixels of a grid at most; the smaller ones are for the last grid, if it alone is beyond the budget."""


@dataclass(frozen=True)
class Frame:
    step: int
    uri: str


def frames(run: Path, budget: int, last_only: bool = False) -> list[Frame]:
    """Grids of `run/samples/step-NNNNNN.png`, evenly over the run, the URIs together within `budget` bytes.

    None if there are none, or even the last, small, is too large.
    """
    matches = (re.fullmatch(r"step-(\d+)\.png", path.name) for path in (run / "samples").glob("step-*.png"))
    steps = sorted((int(match[1]), match[0]) for match in matches if match)
    encoded: dict[str, str] = {}

    def frame(step: int, name: str, width: int) -> Frame:
        if name not in encoded:
            encoded[name] = _uri(run / "samples" / name, width)
        return Frame(step, encoded[name])

    for most in COUNTS if len(steps) > 1 and not last_only else ():
        count = min(most, len(steps))
        found = [frame(*steps[round(i * (len(steps) - 1) / (count - 1))], WIDTHS[0]) for i in range(count)]
        if sum(len(f.uri) for f in found) <= budget:
            return [f for f in found if f.uri]
    for width in WIDTHS if steps else ():
        encoded.clear()
        last = frame(*steps[-1], width)
        if last.uri and len(last.uri) <= budget:
            return [last]
    return []


def _uri(path: Path, width: int) -> str:
    """As WebP, half the size of the PNG; empty if the picture cannot be read."""
    try:
        with Image.open(path) as opened:
            opened.thumbnail((width, 4 * width))
            buffer = io.BytesIO()
            opened.save(buffer, "WEBP", quality=70, method=1)  # The default method takes three times as long.
    except OSError:
        return ""
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
