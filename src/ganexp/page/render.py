"""The page itself: runs in, HTML out."""

import json
import math
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ganexp.page import grids
from ganexp.page.collect import Run
from ganexp.page.comparison import (
    Group,
    Section,
    differing,
    groups,
    label,
    levels,
    number,
    sections,
    spread,
)
from ganexp.page.curves import Curve
from ganexp.page.statistics import deviation

PICTURES = 3_000_000
"""Bytes of all grids together, so that twenty runs stay below 10 MB with the charts' own code."""

POINTS, ALL_POINTS = 300, 30_000
"""Of a curve, and of one curve of every run, at most."""

LAST_ONLY, NO_PICTURES = 40, 300
"""Beyond so many runs each has its last grid alone, or none."""

NAMED = 40
"""Groups that a chart of single groups has room for."""

FIRST = ("loss/discriminator", "loss/generator", "fid")
"""How the names of the curves begin that are shown first."""


def page(root: Path, runs: Sequence[Run]) -> str:
    """A whole HTML document that compares the runs, with all it needs within."""
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number, "spread": spread, "mean": fmean, "breakable": _breakable}
    columns = differing(runs)
    every = groups(runs, columns)
    compared = sections(every)
    unmeasured = [(group, run) for group in every for run in group.runs if not run.figures]
    return environment.get_template("template.html").render(
        title=root.resolve().name,
        written=time.strftime("%Y-%m-%d %H:%M"),
        statuses=Counter(run.status for run in runs).most_common(),
        runs=runs,
        sections=compared,
        unmeasured=unmeasured,
        unmeasured_columns=columns,
        several_seeds=len({run.seed for run in runs}) > 1,
        last_only=LAST_ONLY if len(runs) > LAST_ONLY else None,
        no_pictures=NO_PICTURES if len(runs) > NO_PICTURES else None,
        data=_json(_data(runs, every, columns, compared)),
        css=Markup((here / "page.css").read_text(encoding="utf-8")),
        script=Markup((here / "page.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()),
    )


def _data(
    runs: Sequence[Run], every: Sequence[Group], columns: Sequence[str], compared: Sequence[Section]
) -> dict[str, Any]:
    """What the page's script draws."""
    group_of = {run.name: group.number for group in every for run in group.runs}
    tags = dict.fromkeys(tag for run in runs for tag in run.curves)
    shown = [next((tag for tag in tags if tag.startswith(start)), None) for start in FIRST]
    budget = PICTURES // len(runs)
    return {
        "groups": [label(group, columns) for group in every],
        "tags": list(tags),
        "shown": [tag for tag in shown if tag],
        "charts": [_chart(section) for section in compared],
        "runs": [
            {
                "name": run.name,
                "group": group_of[run.name],
                "frames": []
                if len(runs) > NO_PICTURES
                else [
                    {"step": frame.step, "uri": frame.uri}
                    for frame in grids.frames(run.path, budget, len(runs) > LAST_ONLY)
                ],
                **_curves(run, min(POINTS, ALL_POINTS // len(runs))),
            }
            for run in runs
        ],
    }


def _curves(run: Run, points: int) -> dict[str, Any]:
    """Each curve as the number of its axis and its values: most share their steps."""
    axes: dict[tuple[Any, ...], int] = {}
    clocks, curves = [], {}
    for tag, curve in run.curves.items():
        thin = _thinned(curve, points)
        axis = axes.setdefault((*thin.steps, *(thin.seconds or ())), len(axes))
        if axis == len(clocks):
            clocks.append({"steps": thin.steps, "seconds": thin.seconds})
        curves[tag] = [axis, [float(f"{v:.4g}") if math.isfinite(v) else None for v in thin.values]]
    return {"axes": clocks, "curves": curves}


def _thinned(curve: Curve, points: int) -> Curve:
    last = len(curve.steps) - 1
    if last < points:
        return curve
    kept = [round(i * last / (points - 1)) for i in range(points)]
    seconds = curve.seconds and [curve.seconds[i] for i in kept]
    return Curve([curve.steps[i] for i in kept], seconds, [curve.values[i] for i in kept])


def _chart(section: Section) -> dict[str, Any] | None:
    """A heat map of two settings, or the groups side by side; None if there is nothing to compare."""
    name = section.headline
    measured = [(group, values) for group in section.groups if name and (values := group.values(name))]
    if name is None or len(measured) < 2:
        return None
    settled = all(group.settings for group, _ in measured)
    if len(section.columns) == 2 and settled:
        across, down = sorted(section.columns, key=lambda key: -len(levels(section.groups, key)))
        x, y = levels(section.groups, across), levels(section.groups, down)
        if len(measured) > len(x):
            cells = {(group.settings[across], group.settings[down]): values for group, values in measured}
            return {
                "kind": "heat",
                "figure": name,
                "x": {"name": across, "levels": x},
                "y": {"name": down, "levels": y},
                "means": [[fmean(v) if (v := cells.get((a, b))) else None for a in x] for b in y],
                "texts": [[spread(v) if (v := cells.get((a, b))) else "" for a in x] for b in y],
            }
    if len(measured) > NAMED:
        return None
    key = section.columns[0] if len(section.columns) == 1 and settled else None
    order = levels(section.groups, key) if key else []
    if key:
        measured.sort(key=lambda pair: order.index(pair[0].settings[key]))
    return {
        "kind": "groups",
        "figure": name,
        "setting": key,
        "labels": [group.settings[key] if key else label(group, section.columns) for group, _ in measured],
        "groups": [group.number for group, _ in measured],
        "means": [fmean(values) for _, values in measured],
        "deviations": [deviation(values) for _, values in measured],
        "seeds": [values for _, values in measured],
        "floor": section.floors.get(name),
    }


def _breakable(name: str) -> Markup:
    """The name, with places where a narrow column may break it."""
    return Markup("<wbr>").join(re.split(r"(?<=[_.])", name))


def _json(data: dict[str, Any]) -> Markup:
    """JSON that cannot end the element it stands in."""
    return Markup(json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"))
