"""`docs/results.md`, written from the files in `docs/results`."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from statistics import fmean

import numpy as np

from benchmarks.results.cells import Cell, Experiment
from benchmarks.results.record import Result
from ganexp.page import glossary
from ganexp.page.statistics import (
    ENOUGH,
    HINT_LEVEL,
    LEVEL,
    SOME,
    beyond_noise,
    counted,
    is_clear,
    number,
    permutation_test,
    significance,
    spread,
)

SHOWN = ("fid", "mind", "kid", "recall", "coverage", "class_accuracy")
"""The metrics of the tables, by the beginnings of their names."""

MINUTES = (0.5, 1, 2, 4, 8, 16)
"""CPU-minutes at which recipes are compared."""

INTRODUCTION = """\
# Results

`python -m benchmarks.results` writes this page from the files `docs/results/*.json`. Each file is a row: trainings of
one configuration that differ in the seed alone, with their metrics, their card and their command.

- A number is the mean and the standard deviation over the seeds. [evaluation.md](evaluation.md) says what the
  metrics are.
- `ema` is measured on the average of G's weights, and `raw` on the weights themselves, of the same checkpoint: the
  best one of each run.
- CPU-minutes are the processor's time for the iterations: of all threads, without evaluations. CPU-minutes depend on
  the machine, and the rows are of machines whose speeds differ by up to a factor of two. Other work of a machine added
  a fifth to a half to its CPU-minutes. So do not compare CPU-minutes that are closer than that.
- A difference of two rows is *real* if the gap of their mean FIDs (`ema`) is more than twice what the noise of
  measuring explains, and if a permutation test with at least {enough} seeds each gives p < {level}. A difference is a
  *hint* if the gap is as large, one of the rows has only {some} or {almost} seeds, and p is at most {hint}. All other
  differences are *not shown*. The page compares each recipe with the next one, and each row of another table with all
  rows. It does not correct p for the number of comparisons.

To add rows, train an experiment and name its folder. `-m resume=SWEEP` goes on with a sweep that was stopped, and
`hydra/launcher=joblib` runs a sweep's jobs side by side:

```
python -m ganexp.train -m +experiment=recipes_linear hydra.sweep.dir=outputs/recipes_linear
python -m benchmarks.results outputs/recipes_linear
```

A row takes only runs that the same evaluator measured, with the same number of samples. If ganexp has a new metric,
`python -m benchmarks.results FOLDER… --again` measures the runs again.
"""

QUALITY = """\
## Quality against CPU-minutes

![FID against CPU-minutes of each recipe on MNIST](images/results/quality.svg)

Each line is a recipe on MNIST. It shows FID while the recipe trains: the median over the seeds, of {samples:,} samples
with averaged weights. An iteration of a recipe costs as much as in the run that other work of the machine disturbed
least. The lines of recipes with convolutions are dashed. Both axes are logarithmic.

The table reads such lines at equal CPU-minutes, one line for each run: the mean and the spread over the seeds. A recipe
has no number before the first evaluation and after the last evaluation of any of its runs.
"""


def page(experiments: Sequence[Experiment], results: Mapping[str, Result]) -> str:
    """results: by the names of cells; cells without runs are missing."""
    told = INTRODUCTION.format(enough=ENOUGH, some=SOME, almost=ENOUGH - 1, level=LEVEL, hint=HINT_LEVEL)
    parts = [told, *_quality(recipes_on_mnist(experiments, results))]
    parts += [part for experiment in experiments for part in _section(experiment, results)]
    parts += [*_missing(experiments, results), _cost(results)]
    return "\n".join(parts)


def recipes_on_mnist(experiments: Sequence[Experiment], results: Mapping[str, Result]) -> dict[str, Result]:
    """The rows of the figure, by the names of the recipes."""
    cells = [cell for experiment in experiments if experiment.is_of_recipes for cell in experiment.cells]
    mnist = [cell for cell in cells if cell.settings["data._target_"].endswith(".MNIST")]
    return {cell.name: results[cell.name] for cell in mnist if cell.name in results}


def uses_convolutions(result: Result) -> bool:
    return not result.settings["network._target_"].endswith(".MLP")


def at_minutes(result: Result, minutes: float) -> list[float]:
    """The FID of each run, on a line between two evaluations where both axes are logarithmic; empty if any run was not
    measured yet, or had ended."""
    found, step = [], round(minutes / result.minutes_per_iteration, 6)
    for run in result.runs:
        steps, fids = zip(*run.curve, strict=True)
        if not steps[0] <= step <= steps[-1]:
            return []
        found.append(round(math.exp(np.interp(math.log(step), np.log(steps), np.log(fids))), 6))
    return found


def _quality(rows: dict[str, Result]) -> Iterator[str]:
    if not rows:
        return
    yield QUALITY.format(samples=int(next(iter(rows.values())).training["samples"]))
    ranked = sorted(rows, key=lambda name: [fmean(at_minutes(rows[name], m) or [math.inf]) for m in MINUTES])
    told = {name: [at_minutes(rows[name], minutes) for minutes in MINUTES] for name in ranked}
    columns = [place for place in range(len(MINUTES)) if any(values[place] for values in told.values())]
    yield _table(
        ["recipe", "network", *(f"{MINUTES[place]:g} min" for place in columns)],
        [
            [f"`{name}`", _network(rows[name]), *(_spread(values[place]) for place in columns)]
            for name, values in told.items()
            if any(values)
        ],
    )
    lines = [line for place in columns if (line := _convolutions(rows, MINUTES[place]))]
    if lines:
        yield "\n".join(lines) + "\n"


def _convolutions(rows: dict[str, Result], minutes: float) -> str:
    """The best recipe of linear layers and the best one of convolutions, both without labels; empty if there is none of
    a kind."""
    unlabelled = {name: row for name, row in rows.items() if not row.settings["model.conditional"]}
    reached = {name: values for name, row in unlabelled.items() if (values := at_minutes(row, minutes))}
    kinds = [[name for name in reached if uses_convolutions(rows[name]) == kind] for kind in (False, True)]
    if not all(kinds):
        return ""
    linear, convolutional = (min(names, key=lambda name: fmean(reached[name])) for names in kinds)
    a, b = reached[linear], reached[convolutional]
    return (
        f"- {minutes:g} min, without labels: the best with linear layers is `{linear}` ({spread(a)}), with "
        f"convolutions `{convolutional}` ({spread(b)}). {significance(a, b)}"
    )


def _network(result: Result) -> str:
    return result.settings["network._target_"].rpartition(".")[2]


def _section(experiment: Experiment, results: Mapping[str, Result]) -> Iterator[str]:
    yield f"## {experiment.question}\n"
    known = [cell for cell in experiment.cells if cell.name in results]
    if len(known) > 1 or (known and experiment.is_of_recipes):
        yield _rows(known, results)
        ranked = _ranked(known, results)
        pairs = pairwise(ranked) if experiment.is_of_recipes else combinations(ranked, 2)
        yield from _verdicts(pairs, results)
        if experiment.is_of_recipes:
            yield _pictures(known, results)
    missing = sum(len(seeds) for _, seeds in lacking(experiment, results))
    if missing:
        runs = sum(len(cell.seeds) for cell in experiment.cells)
        yield f"[Missing](#what-is-missing): {missing} of {runs} runs.\n"


def _rows(known: Sequence[Cell], results: Mapping[str, Result]) -> str:
    """The table of an experiment, the best row first."""
    metrics = _metrics([results[cell.name] for cell in known])
    names = [glossary.entry(metric).name for metric in metrics]
    # Two evaluators have metrics of the same name.
    heads = [metric if names.count(name) > 1 else name for metric, name in zip(metrics, names, strict=True)]
    arrows = [glossary.entry(metric).arrow for metric in metrics]
    lines = []
    for cell in _ranked(known, results):
        result = results[cell.name]
        for weights in result.runs[0].metrics:
            own = [f"`{' '.join(_short(cell))}`", str(len(result.runs)), _iterations(result)]
            own += [_spread(result.cpu_minutes)]
            same = lines and lines[-1][0] == own[0]
            values = [_spread(result.values(metric, weights)) for metric in metrics]
            lines.append([*(["", "", "", ""] if same else own), weights, *values])
    floors = {name: value for cell in known for name, value in results[cell.name].floors.items()}
    lines.append(["real held-out pictures", "", "", "", "", *(_number(floors.get(metric)) for metric in metrics)])
    columns = [f"{head} {arrow}".strip() for head, arrow in zip(heads, arrows, strict=True)]
    return _table(["", "seeds", "iterations", "CPU-minutes", "weights", *columns], lines)


def _short(cell: Cell) -> list[str]:
    """What was typed, without what all rows share: a recipe as its name, and a key as its last part."""
    told = [word.partition("=") for word in cell.typed if not word.startswith(("trainer.", "evaluation.", "data="))]
    return [value if key == "model" else f"{key.rpartition('.')[2]}={value}" for key, _, value in told]


def _iterations(result: Result) -> str:
    return ", ".join(f"{iterations:,}" for iterations in sorted({run.iterations for run in result.runs}))


def _metrics(results: Sequence[Result]) -> list[str]:
    every = dict.fromkeys(n for r in results for run in r.runs for values in run.metrics.values() for n in values)
    usable = [name for name in every if not name.startswith("fid_test") and "/" not in name]
    return [name for kind in SHOWN for name in usable if name == kind or name.startswith(f"{kind}_")]


def _ranked(known: Sequence[Cell], results: Mapping[str, Result]) -> list[Cell]:
    return sorted(known, key=lambda cell: fmean(results[cell.name].scores))


def _verdicts(pairs: Iterable[tuple[Cell, Cell]], results: Mapping[str, Result]) -> Iterator[str]:
    """A line for each pair of rows, of which the first is the better one."""
    lines = []
    for better, worse in pairs:
        names = [f"`{' '.join(_short(cell))}`" for cell in (better, worse)]
        lines.append(f"- {names[0]} before {names[1]}: {verdict(results[better.name], results[worse.name])}")
    if lines:
        yield "\n".join(lines) + "\n"


def verdict(better: Result, worse: Result) -> str:
    """Whether the difference of two rows is real, and why."""
    a, b = better.scores, worse.scores
    gap = f"{spread(a)} against {spread(b)}"
    if better.card != worse.card:
        return f"not shown, because they were measured differently ({gap})."
    once = max(result.noise(result.headline, result.ranking) for result in (better, worse))
    if not beyond_noise(a, b, once):
        return f"not shown, the gap is within twice the noise of measuring ({gap})."
    seeds, fewest = counted(a, b), min(len(a), len(b))
    if fewest < SOME:
        return f"not shown, with {seeds} ({gap})."
    p = permutation_test(a, b)
    found = "not shown" if not is_clear(p, fewest) else "a hint" if fewest < ENOUGH else "**real**"
    return f"{found}, p = {p:.2g} with {seeds} ({gap})."


def _pictures(known: Sequence[Cell], results: Mapping[str, Result]) -> str:
    """The pictures of the median seeds, three in a row."""
    shown = _ranked(known, results)
    lines = ["The median seed of each recipe, with averaged weights:\n", "| | | |", "|---|---|---|"]
    for start in range(0, len(shown), 3):
        cells = []
        for cell in shown[start : start + 3]:
            result = results[cell.name]
            fid = result.median.metrics[result.ranking][result.headline]
            about = f"`{cell.name}`, seed {result.median.seed}: FID {number(fid)}"
            cells.append(f"![{cell.name}](images/results/{cell.name}.png)<br>{about}")
        lines.append(f"| {' | '.join([*cells, *[''] * (3 - len(cells))])} |")
    return "\n".join(lines) + "\n"


def lacking(experiment: Experiment, results: Mapping[str, Result]) -> list[tuple[Cell, list[int]]]:
    """The cells of an experiment that lack runs, and the missing seeds of each."""
    there = {name: {run.seed for run in result.runs} for name, result in results.items()}
    seeds = [[seed for seed in cell.seeds if seed not in there.get(cell.name, ())] for cell in experiment.cells]
    return [(cell, some) for cell, some in zip(experiment.cells, seeds, strict=True) if some]


def _missing(experiments: Sequence[Experiment], results: Mapping[str, Result]) -> Iterator[str]:
    """What to type for all missing runs. A cell of several experiments is trained once."""
    commands, named, runs = [], set(), 0
    for experiment in experiments:
        cells = [(cell, seeds) for cell, seeds in lacking(experiment, results) if cell.name not in named]
        named |= {cell.name for cell, _ in cells}
        runs += sum(len(seeds) for _, seeds in cells)
        whole = [(cell, list(cell.seeds)) for cell in experiment.cells] == cells
        commands += [experiment.command] if whole else [cell.command(seeds) for cell, seeds in cells]
    if commands:
        yield f"## What is missing\n\nRuns that were not trained yet: {runs}. To train them:\n"
        yield "```\n" + "\n".join(commands) + "\n```\n"


def _cost(results: Mapping[str, Result]) -> str:
    runs = [run for result in results.values() for run in result.runs]
    hours = sum(run.cpu_seconds or 0 for run in runs) / 3600
    return f"## What this page cost\n\nTrainings: {len(runs)}. Hours of one processor core: {hours:.1f}.\n"


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _spread(values: Sequence[float]) -> str:
    return spread(values) if values else "–"


def _number(value: float | None) -> str:
    return "" if value is None else number(value)
