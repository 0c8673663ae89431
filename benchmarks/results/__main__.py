"""Writes docs/results.md from the folders of finished runs:

    python -m benchmarks.results outputs/recipes_linear outputs/width

Each run of a cell of conf/experiment is written into the cell's file in docs/results. If the run's raw weights were not
measured yet, they are measured. Without a folder, only the page and the figure are written again.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.results import record
from benchmarks.results.cells import Cell, Experiment, changes, experiments
from benchmarks.results.figure import figure
from benchmarks.results.page import page, recipes_on_mnist
from benchmarks.results.record import DOCS, Result
from ganexp.errors import UserError
from ganexp.files.whole import write_whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="of runs and of sweeps", metavar="FOLDER")
    parser.add_argument("--again", action="store_true", help="measure all weights again, as after a new metric")
    typed = parser.parse_args()
    every = experiments()
    try:
        if typed.folders:
            add(every, typed.folders, typed.again)
        write(every)
    except UserError as mistake:
        sys.exit(str(mistake))
    print(page_of(DOCS))


def page_of(docs: Path) -> Path:
    return docs / "results.md"


def figure_of(docs: Path) -> Path:
    return docs / "images" / "results" / "quality.svg"


def picture_of(docs: Path, cell: str) -> Path:
    return docs / "images" / "results" / f"{cell}.png"


def known_cells(every: list[Experiment]) -> dict[str, Cell]:
    """The cells by their names. If several experiments have a cell, the first one says what to type, and the seeds."""
    found: dict[str, Cell] = {}
    for experiment in every:
        for cell in experiment.cells:
            found.setdefault(cell.name, cell)
    return found


def with_pictures(every: list[Experiment]) -> set[str]:
    """The names of the cells whose samples the page shows."""
    return {cell.name for experiment in every if experiment.is_of_recipes for cell in experiment.cells}


def add(every: list[Experiment], folders: list[Path], again: bool = False, docs: Path = DOCS) -> None:
    """Bring the files of `docs`/results and the pictures up to date with the runs in the folders."""
    from benchmarks.results import collect  # Torch takes seconds to import.

    known = known_cells(every)
    of_cells: dict[str, dict[int, Path]] = {}
    for run in collect.runs(folders):
        cell = collect.cell_of(run, known.values())
        if cell is None:
            print(f"{run.path}: left out, it is of no experiment as conf/experiment is today", file=sys.stderr)
            continue
        before = record.read(cell.name, docs)
        found = collect.result(run, cell, again)
        if before is not None and not changes(before.settings, cell.settings):
            found = joined(run.path, before, found, again)
        found.write(cell.name, docs)
        print(f"{run.path}: seed {run.config.seed} of {cell.name}", file=sys.stderr)
        of_cells.setdefault(cell.name, {})[run.config.seed] = run.path
    for name in of_cells.keys() & with_pictures(every):
        result, path = record.read(name, docs), picture_of(docs, name)
        if result is not None and (run := of_cells[name].get(result.median.seed)) is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            collect.picture(collect.Run.open(run)).save(path, optimize=True)


def joined(path: Path, before: Result, found: Result, again: bool) -> Result:
    """A row with one more run. If a run was measured again, and now differently, a new row begins."""
    try:
        return before.joined(found)
    except ValueError as difference:
        if again:
            return found
        raise UserError(
            f"{path}: it was measured differently from the other seeds of its row ({difference}); name the folders of "
            "all these runs and add --again, or remove the row's file from docs/results"
        ) from None


def results(every: list[Experiment], docs: Path = DOCS) -> dict[str, Result]:
    """What is in `docs`/results, by the names of the cells."""
    found = {name: record.read(name, docs) for name in known_cells(every)}
    return {name: result for name, result in found.items() if result is not None}


def write(every: list[Experiment], docs: Path = DOCS) -> None:
    """The page and its figure."""
    rows = results(every, docs)
    if drawn := figure(recipes_on_mnist(every, rows)):
        write_whole(figure_of(docs), drawn)
    write_whole(page_of(docs), page(every, rows))


if __name__ == "__main__":
    main()
