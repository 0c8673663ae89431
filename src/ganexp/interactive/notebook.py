"""How runs and evaluations show themselves in a notebook. This module imports no torch."""

from collections.abc import Sequence
from html import escape
from math import isfinite, nan
from typing import TYPE_CHECKING

from ganexp.evaluation import Evaluation, of_one_class
from ganexp.page import glossary, grids
from ganexp.page.statistics import number
from ganexp.run_folder.folder import step_of

if TYPE_CHECKING:
    from ganexp.run import Run

BYTES = 200_000
"""The most that a picture takes in a notebook's file."""

HEADS = {"samples": "samples", "real": "real pictures", "noise": "noise"}

COLOURS = {"loss/discriminator": "#1f77b4", "loss/generator": "#ff7f0e"}

WIDTH, HEIGHT = 420, 120
"""Pixels of the grid and of the curves."""


def run(run: "Run") -> str:
    """HTML: one line, and below it the newest grid, the losses, and the metrics."""
    picture, found = "", run.evaluation
    if steps := run.folder.grids():
        uri = grids.picture(steps[-1], BYTES)
        picture = f'<img src="{uri}" alt="samples of iteration {step_of(steps[-1]):,}" width="{WIDTH}"><br>'
    unmeasured = "<div>The run has no final metrics. To measure: <code>run.evaluate()</code></div>"
    measured = evaluation(found) if found is not None else unmeasured
    return (
        f"<div>{escape(repr(run)[1:-1])}"
        '<div style="display: flex; flex-wrap: wrap; gap: 2em; align-items: flex-start">'
        f"<div>{picture}{curves(run.losses)}</div>{measured}</div></div>"
    )


def curves(rows: Sequence[dict[str, float]]) -> str:
    """SVG: the losses of D and G over the iterations; empty if fewer than two points are known.

    rows: as `Run.losses`.
    """
    lines = {name: [(row["iteration"], row[name]) for row in rows if isfinite(row.get(name, nan))] for name in COLOURS}
    known = [point for line in lines.values() for point in line]
    if len(known) < 2:
        return ""
    last = max(step for step, _ in known)
    low, high = min(value for _, value in known), max(value for _, value in known)
    right = WIDTH - 60
    drawn = []
    for (name, line), place in zip(lines.items(), (0, 130), strict=True):
        points = " ".join(
            f"{step / last * right:.1f},{HEIGHT * (high - value) / (high - low or 1):.1f}" for step, value in line
        )
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}"/>')
        drawn.append(f'<text x="{place}" y="-8" fill="{COLOURS[name]}">{name}</text>')
    for x, y, anchor, text in (
        (-6, 10, "end", number(high)),
        (-6, HEIGHT, "end", number(low)),
        (0, HEIGHT + 16, "start", "0"),
        (right, HEIGHT + 16, "end", f"iteration {last:,.0f}"),
    ):
        drawn.append(f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="currentColor">{text}</text>')
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT + 44}" viewBox="-56 -22 {WIDTH} {HEIGHT + 44}" font-size="11" '
        f'role="img" aria-label="losses">{"".join(drawn)}</svg>'
    )


def evaluation(evaluation: Evaluation) -> str:
    """HTML: a row for each metric, with that of real pictures beside it. Metrics of single classes are left out."""
    columns = evaluation.columns
    head = "".join(f"<th>{HEADS[name]}</th>" for name in columns)
    rows = []
    for name in evaluation.metrics:
        if of_one_class(name):
            continue
        entry = glossary.entry(name)
        cells = "".join(f"<td>{number(column[name]) if name in column else ''}</td>" for column in columns.values())
        title = escape(f"{name}: {entry.sentence}")
        rows.append(f'<tr title="{title}"><td>{escape(entry.name)} {entry.arrow}</td>{cells}</tr>')
    card = evaluation.card
    by = escape(f"{card.samples:,} samples, measured by {card.evaluator}")
    return f"<table><caption>{by}</caption><tr><th></th>{head}</tr>{''.join(rows)}</table>"
