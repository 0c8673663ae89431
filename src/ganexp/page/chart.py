"""The chart of a section: a heat map of two settings, or its groups side by side."""

import math
from statistics import fmean
from typing import Any

from ganexp.page.comparison import Section, levels
from ganexp.page.statistics import deviation, spread

NAMED = 40
"""Groups that a chart of single groups has room for."""


def chart(section: Section, place: dict[int, int]) -> dict[str, Any] | None:
    """The chart as values for the page's script; None if there is nothing to compare.

    place: the place of each group on the page, by the group's number.
    """
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
