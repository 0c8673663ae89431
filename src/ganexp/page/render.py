"""Draws the page: runs in, HTML out."""

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

from ganexp.folder import RunFolder
from ganexp.page import glossary, grids
from ganexp.page.collect import RunSummary
from ganexp.page.comparison import Group, Section, differing, groups, levels, number, sections, spread, titles
from ganexp.page.curves import Curve
from ganexp.page.statistics import deviation

PICTURES = 4_000_000
"""Bytes of all pictures together: twenty runs then stay below 10 MB, including the code of the charts."""

POINTS, ALL_POINTS = 300, 30_000
"""The most points of one curve, and of one kind of curve over all runs."""

LAST_ONLY, NO_PICTURES = 40, 300
"""With more runs than this, each has its last grid alone, or no picture."""

NAMED = 40
"""Groups that a chart of single groups has room for."""

FIRST = ("loss/discriminator", "loss/generator", "fid")
"""Beginnings of the names of the curves that are shown at first."""

FRONT = ("recall", "precision", "coverage", "class_accuracy", "mind", "duplicates", "kid")
"""Metrics that the table shows beside the headline, in this order; the others are behind `All columns`."""


def page(root: Path, runs: Sequence[RunSummary], command: str = "", renewed: float | None = None) -> str:
    """A whole HTML document that compares the runs and needs no other file.

    command: writes the page again. renewed: the seconds after which a watched page reloads itself.
    """
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number, "spread": spread, "mean": fmean, "breakable": _breakable, "facts": _facts}
    columns = differing(runs)
    every = groups(runs, columns)
    named = titles(every)
    compared = sections(every)
    measured = [group for section in compared for group in section.groups]
    unmeasured = [(group, run) for group in every for run in group.runs if not run.metrics]
    # One order for the whole page: that of the tables. It also decides the colours.
    place = {number: i for i, number in enumerate(dict.fromkeys(group.number for group in [*measured, *every]))}
    in_order = [run for group in measured for run in group.runs] + [run for _, run in unmeasured]
    running = [run for run in runs if run.is_running]
    facts = list(dict.fromkeys(name for run in runs for name in run.facts))
    return environment.get_template("template.html").render(
        title=root.resolve().name,
        written=time.strftime("%Y-%m-%d %H:%M"),
        statuses=Counter(run.status for run in runs).most_common(),
        running=len(running),
        command=command,
        renewed=renewed,
        runs=in_order,
        titles=named,
        index={run.name: i for i, run in enumerate(in_order)},
        place=place,
        sections=compared,
        entry=glossary.entry,
        front=_front,
        facts=facts,
        unmeasured=unmeasured,
        unmeasured_columns=columns,
        several_seeds=len({run.seed for run in runs}) > 1,
        last_only=LAST_ONLY if len(runs) > LAST_ONLY else None,
        no_pictures=NO_PICTURES if len(runs) > NO_PICTURES else None,
        data=_json(
            {
                "written": time.time(),
                "renewed": renewed,
                "groups": [group.label for group in sorted(every, key=lambda group: place[group.number])],
                "charts": [_chart(section, place) for section in compared],
                **_data(in_order, every, compared, columns, named, place),
            }
        ),
        css=Markup((here / "page.css").read_text(encoding="utf-8")),
        script=Markup((here / "page.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()),
    )


def _front(section: Section) -> list[str]:
    """The section's metrics: the headline, those that are always shown, the others."""
    first = [name for start in FRONT for name in section.metrics if name.startswith(start) and "/" not in name]
    return list(dict.fromkeys([*filter(None, [section.headline]), *first, *section.metrics]))


def _facts(runs: Sequence[RunSummary], name: str) -> list[float]:
    return [run.facts[name] for run in runs if name in run.facts]


def _data(
    runs: Sequence[RunSummary],
    every: Sequence[Group],
    compared: Sequence[Section],
    columns: Sequence[str],
    named: dict[str, str],
    place: dict[int, int],
) -> dict[str, Any]:
    """What the page's script draws and shows of each run."""
    group_of = {run.name: place[group.number] for group in every for run in group.runs}
    section_of = {run.name: i for i, section in enumerate(compared) for group in section.groups for run in group.runs}
    tags = dict.fromkeys(tag for run in runs for tag in run.curves)
    shown = [next((tag for tag in tags if tag.startswith(start)), None) for start in FIRST]
    common = _common(runs)
    metrics = {
        name: vars(glossary.entry(name)) | {"name": section.title(name), "arrow": glossary.entry(name).arrow}
        for section in compared
        for name in _front(section)
    }
    return {
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
                **_pictures(run, len(runs)),
                **_curves(run, min(POINTS, ALL_POINTS // len(runs))),
            }
            for run in runs
        ],
    }


def _common(runs: Sequence[RunSummary]) -> dict[str, str]:
    """Each key of the configurations with its most frequent value: a run is then told by what differs from that."""
    counts: dict[str, Counter[str]] = {}
    for run in runs:
        for key, value in run.configuration.items():
            counts.setdefault(key, Counter())[value] += 1
    return {key: values.most_common(1)[0][0] for key, values in counts.items()}


def _pictures(run: RunSummary, runs: int) -> dict[str, Any]:
    """Of the budget for one run, two thirds are for its grids, the rest for its neighbours and real pictures."""
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


def _chart(section: Section, place: dict[int, int]) -> dict[str, Any] | None:
    """A heat map of two settings, or the groups side by side; None if there is nothing to compare."""
    name = section.headline
    measured = [(group, values) for group in section.groups if name and (values := group.values(name))]
    if name is None or len(measured) < 2:
        return None
    settled = all(group.settings for group, _ in measured)
    if len(section.columns) == 2 and settled:
        across, down = sorted(section.columns, key=lambda key: -len(levels(section.groups, key)))
        x, y = levels(section.groups, across), levels(section.groups, down)
        # Where many pairs were never tried, a heat map would have holes.
        if len(y) > 1 and len(measured) >= 0.75 * len(x) * len(y):
            cells = {(group.settings[across], group.settings[down]): values for group, values in measured}
            return {
                "kind": "heat",
                "metric": name,
                "x": {"name": across, "levels": x},
                "y": {"name": down, "levels": y},
                "means": [[fmean(v) if (v := cells.get((a, b))) else None for a in x] for b in y],
                "texts": [[spread(v) if (v := cells.get((a, b))) else "" for a in x] for b in y],
            }
    if len(measured) > NAMED:
        return None
    key = section.columns[0] if len(section.columns) == 1 and settled else None
    # Numbers along the axis are in their order; anything else is in the order of the table, best first.
    if key and all(_is_number(level) for level in levels(section.groups, key)):
        order = levels(section.groups, key)
        measured.sort(key=lambda pair: order.index(pair[0].settings[key]))
    return {
        "kind": "groups",
        "metric": name,
        "setting": key,
        "labels": [group.settings[key] if key else group.label for group, _ in measured],
        "names": [group.label for group, _ in measured],
        "groups": [place[group.number] for group, _ in measured],
        "means": [fmean(values) for _, values in measured],
        "deviations": [deviation(values) for _, values in measured],
        "texts": [spread(values) for _, values in measured],
        "seeds": [
            [[run.seed, run.metrics[name]] for run in group.runs if name in run.metrics] for group, _ in measured
        ],
        "floor": section.floors.get(name),
    }


def _is_number(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def _breakable(text: str) -> Markup:
    """The text, with places where a narrow column may break a long word."""
    words = (re.split(r"(?<=[_,=])|(?<=\.)(?!\d)", word) if len(word) > 11 else [word] for word in text.split(" "))
    return Markup(" ").join(Markup("<wbr>").join(parts) for parts in words)


def _json(data: dict[str, Any]) -> Markup:
    """JSON that cannot end the element that holds it."""
    return Markup(json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"))
