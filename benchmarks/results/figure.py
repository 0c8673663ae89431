"""The figure of `docs/results.md`: FID against CPU-minutes, as SVG."""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from xml.sax.saxutils import escape

from benchmarks.results.page import uses_convolutions
from benchmarks.results.record import Result

WIDTH, HEIGHT = 900, 560
LEFT, RIGHT, TOP, BOTTOM = 62, 742, 24, 508
"""The sides of the plot. The names of the lines stand to the right of the plot."""

COLOURS = (
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#e08214", "#17a2b8", "#8c564b", "#c51b7d",
    "#4d4d4d", "#7f7f00", "#3f51b5", "#00796b", "#ad1457", "#5d4037",
)  # fmt: skip

LINE = 16
"""The height of a name."""


def figure(rows: Mapping[str, Result]) -> str:
    """rows: by the names that stand beside their lines; rows without CPU-minutes are left out."""
    lines = {name: points(row) for name, row in rows.items() if row.cpu_minutes and row.runs[0].curve}
    every = [point for line in lines.values() for point in line]
    if not every:
        return ""
    floor = min(row.training.get("floor", math.inf) for row in rows.values())
    xs, ys = [x for x, _ in every], [y for _, y in every] + ([floor] if floor < math.inf else [])
    across, down = Scale(min(xs), max(xs), LEFT, RIGHT), Scale(min(ys), max(ys), BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="13" role="img" aria-label="FID against CPU-minutes of each recipe">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    parts += _axes(across, down)
    if floor < math.inf:
        y = down(floor)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{RIGHT}" stroke="#999" stroke-dasharray="2 3"/>')
        parts.append(f'<text x="{LEFT + 6}" y="{y - 5:.1f}" fill="#777">real digits</text>')
    # The names stand in the order of the lines' ends.
    ends = sorted(lines, key=lambda name: -lines[name][-1][1])
    heights = apart([down(lines[name][-1][1]) for name in ends], LINE, TOP, BOTTOM)
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(lines)}
    for name, height in zip(ends, heights, strict=True):
        parts += _line(name, [(across(x), down(y)) for x, y in lines[name]], height, colours[name], rows[name])
    return "\n".join([*parts, "</svg>\n"])


def points(row: Result) -> list[tuple[float, float]]:
    """CPU-minutes, and the median FID over a row's runs, at each evaluation that all these runs have."""
    curves = [dict(run.curve) for run in row.runs]
    steps = [step for step in curves[0] if all(step in curve for curve in curves)]
    return [(step * row.minutes_per_iteration, median(curve[step] for curve in curves)) for step in steps]


class Scale:
    """A logarithmic axis from pixel `start` to pixel `end`, a little wider than its values."""

    def __init__(self, low: float, high: float, start: float, end: float):
        self.low, self.high, self.start, self.end = math.log(low / 1.15), math.log(high * 1.15), start, end

    def __call__(self, value: float) -> float:
        return self.start + (math.log(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """1, 2, 5, 10, … within the axis."""
        decades = range(math.floor(self.low / math.log(10)), math.ceil(self.high / math.log(10)) + 1)
        every = (digit * 10.0**decade for decade in decades for digit in (1, 2, 5))
        return [tick for tick in every if self.low <= math.log(tick) <= self.high]


def apart(wanted: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones, in their order, that are at least `distance` from one another."""
    placed: list[float] = []
    for place in wanted:
        placed.append(max(place, placed[-1] + distance if placed else low))
    limit = high
    for number in reversed(range(len(placed))):
        placed[number] = min(placed[number], limit)
        limit = placed[number] - distance
    return placed


def _axes(across: Scale, down: Scale) -> list[str]:
    parts = []
    for tick in across.ticks():
        x = across(tick)
        parts.append(f'<path d="M{x:.1f} {TOP}V{BOTTOM}" stroke="#eee"/>')
        parts.append(f'<text x="{x:.1f}" y="{BOTTOM + 18}" text-anchor="middle" fill="#444">{tick:g}</text>')
    for tick in down.ticks():
        y = down(tick)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{RIGHT}" stroke="#eee"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#444">{tick:g}</text>')
    parts.append(f'<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" fill="none" stroke="#444"/>')
    middle = (LEFT + RIGHT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 14}" text-anchor="middle">CPU-minutes of training</text>')
    middle = (TOP + BOTTOM) / 2
    parts.append(f'<text transform="translate(16 {middle:.0f}) rotate(-90)" text-anchor="middle">FID</text>')
    return parts


def _line(name: str, line: list[tuple[float, float]], height: float, colour: str, row: Result) -> list[str]:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in line)
    dashed = ' stroke-dasharray="7 4"' if uses_convolutions(row) else ""
    (x, y), beside = line[-1], RIGHT + 10
    return [
        f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>',
        *(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2.5" fill="{colour}"/>' for px, py in line),
        f'<path d="M{x:.1f} {y:.1f}L{beside - 4} {height:.1f}" stroke="{colour}" stroke-width=".6" opacity=".6"/>',
        f'<text x="{beside}" y="{height + 4:.1f}" fill="{colour}">{escape(name)}</text>',
    ]
