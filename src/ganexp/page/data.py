"""What the page's script draws and shows, as values for JSON."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ganexp.page import glossary, grids
from ganexp.page.chart import chart
from ganexp.page.collect import RunSummary
from ganexp.page.comparison import Group, Section
from ganexp.page.curves import Curve
from ganexp.run_folder.folder import RunFolder

PICTURES = 4_000_000
"""Bytes of all pictures together: twenty runs then stay below 10 MB, including the code of the charts."""

POINTS, ALL_POINTS = 300, 30_000
"""The most points of one curve, and of one kind of curve over all runs."""

LAST_ONLY, NO_PICTURES = 40, 300
"""With more runs than this, each has its last grid alone, or no picture."""

FIRST = ("loss/discriminator", "loss/generator", "fid")
"""Beginnings of the names of the curves that are shown at first."""


def of_page(
    runs: Sequence[RunSummary],
    every: Sequence[Group],
    compared: Sequence[Section],
    columns: Sequence[str],
    named: dict[str, str],
    place: dict[int, int],
) -> dict[str, Any]:
    """The values of the whole page.

    runs: in the order of the page. every: all groups. compared: the sections. columns: the settings that tell the runs
    apart. named: what the page calls each run. place: the place of each group on the page, by the group's number.
    """
    group_of = {run.name: place[group.number] for group in every for run in group.runs}
    section_of = {run.name: i for i, section in enumerate(compared) for group in section.groups for run in group.runs}
    tags = dict.fromkeys(tag for run in runs for tag in run.curves)
    shown = [next((tag for tag in tags if tag.startswith(start)), None) for start in FIRST]
    common = _common(runs)
    metrics = {
        name: vars(glossary.entry(name)) | {"name": section.title(name), "arrow": glossary.entry(name).arrow}
        for section in compared
        for name in section.table_metrics
    }
    return {
        "groups": [group.label for group in sorted(every, key=lambda group: place[group.number])],
        "charts": [chart(section, place) for section in compared],
        "columns": list(columns),
        "tags": list(tags),
        "shown": [tag for tag in shown if tag],
        "metrics": metrics,
        "sections": [{"headline": section.headline, "floors": section.floors} for section in compared],
        "common": common,
        "runs": [
            {
                "name": run.name,
                "path": str(run.path),
                "title": named[run.name],
                "group": group_of[run.name],
                "section": section_of.get(run.name),
                "status": run.status,
                "seed": run.seed,
                "notes": run.notes,
                "command": run.command,
                "settings": {
                    key: run.configuration.get(key)
                    for key in (common | run.configuration)
                    if run.configuration.get(key) != common.get(key)
                },
                "facts": {name: _rounded(value) for name, value in run.facts.items()},
                "metrics": {name: _rounded(value) for name, value in run.metrics.items()},
                "classes": {name: _rounded(value) for name, value in run.classes.items()},
                "rare": run.rare,
                **_pictures(run, len(runs)),
                **_curves(run, min(POINTS, ALL_POINTS // len(runs))),
            }
            for run in runs
        ],
    }


def _common(runs: Sequence[RunSummary]) -> dict[str, str]:
    """Each key of the configurations with its most frequent value. For a run, the page then holds only what differs."""
    counts: dict[str, Counter[str]] = {}
    for run in runs:
        for key, value in run.configuration.items():
            counts.setdefault(key, Counter())[value] += 1
    return {key: values.most_common(1)[0][0] for key, values in counts.items()}


def _pictures(run: RunSummary, runs: int) -> dict[str, Any]:
    """The run's pictures. Two thirds of its bytes are for grids, the rest for its neighbours and real pictures."""
    if runs > NO_PICTURES:
        return {"frames": [], "others": {}}
    budget = PICTURES // runs
    folder = RunFolder(run.path)
    frames = grids.frames(folder, 2 * budget // 3, last_only=runs > LAST_ONLY)
    others = {"neighbours": folder.neighbours(), "real pictures": folder.real} if runs <= LAST_ONLY else {}
    found = {name: grids.picture(path, budget // 6) for name, path in others.items()}
    return {
        "frames": [{"step": frame.step, "uri": frame.uri} for frame in frames],
        "others": {name: uri for name, uri in found.items() if uri},
    }


def _curves(run: RunSummary, points: int) -> dict[str, Any]:
    """Each curve as the number of its axis and its values, because most curves share their steps."""
    axes: dict[tuple[Any, ...], int] = {}
    clocks, curves = [], {}
    for tag, curve in run.curves.items():
        thin = _thinned(curve, points)
        axis = axes.setdefault((*thin.steps, *(thin.seconds or ())), len(axes))
        if axis == len(clocks):
            clocks.append({"steps": thin.steps, "seconds": thin.seconds})
        curves[tag] = [axis, [_rounded(value, 4) if math.isfinite(value) else None for value in thin.values]]
    return {"axes": clocks, "curves": curves}


def _rounded(value: float, digits: int = 6) -> float:
    return float(f"{value:.{digits}g}")


def _thinned(curve: Curve, points: int) -> Curve:
    last = len(curve.steps) - 1
    if last < points:
        return curve
    kept = [round(i * last / (points - 1)) for i in range(points)]
    seconds = curve.seconds and [curve.seconds[i] for i in kept]
    return Curve([curve.steps[i] for i in kept], seconds, [curve.values[i] for i in kept])
