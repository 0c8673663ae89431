"""Reads the folders of runs, and measures what is not measured yet."""

import dataclasses
import functools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from benchmarks.results import cells
from benchmarks.results.cells import Cell
from benchmarks.results.record import WEIGHTS, Result, Trained
from ganexp import build
from ganexp.evaluation import Evaluation
from ganexp.pictures.drawing import to_pil
from ganexp.protocols.in_domain import InDomain
from ganexp.run import Run
from ganexp.run_folder.folder import RunFolder

COLUMNS, ROWS = 10, 4


def runs(folders: Iterable[Path]) -> Iterator[Run]:
    """Every finished and measured run in these folders. A message on stderr names each run that is left out."""
    for folder in folders:
        found = sorted(folder.rglob("run.json"))
        if not found:
            sys.exit(f"{folder}: there is no run below this folder; name the folder of a run or of a sweep")
        for path in found:
            record = RunFolder(path.parent).known_record()
            if record.get("status") != "finished" or "evaluation" not in record:
                print(f"{path.parent}: left out, it is {record.get('status')} and not measured", file=sys.stderr)
                continue
            yield Run.open(path.parent)


def cell_of(run: Run, known: Iterable[Cell]) -> Cell | None:
    """The cell that the run belongs to; None if there is none today."""
    own = cells.settings(run.config)
    return next((cell for cell in known if not cells.changes(own, cell.settings)), None)


def result(run: Run, cell: Cell, again: bool) -> Result:
    """What the run reached. Weights that are not measured yet are measured, or all weights if `again`."""
    measured = _evaluations(run, again)
    first = next(iter(measured.values()))
    card = first.card.to_json()
    del card["weights"]
    lines = [json.loads(text) for text in run.folder.metrics.read_text(encoding="utf-8").splitlines()]
    training = [line for line in lines if "figures" not in line]
    name = f"fid_{first.card.evaluator}"
    about = {"samples": run.config.evaluation.samples, "floor": training[-1].get("floors", {}).get(name)}
    cpu = run.record["device"].startswith("cpu")
    assert first.step is not None and first.checkpoint is not None
    trained = Trained(
        seed=run.config.seed,
        iterations=run.record["iterations"],
        cpu_seconds=run.record.get("cpu_seconds") if cpu else None,
        device=run.record["device"],
        versions={package: run.record["versions"][package] for package in ("ganexp", "torch")},
        checkpoint=first.checkpoint,
        step=first.step,
        metrics={weights: _short(evaluation.metrics) for weights, evaluation in measured.items()},
        noise={weights: _short(evaluation.noise) for weights, evaluation in measured.items()},
        curve=[(line["step"], float(f"{line[name]:.5g}")) for line in training],
    )
    floors = _short(first.floors)
    return Result(cell.command(cell.seeds), cells.settings(run.config), card, floors, _short(about), [trained])


def picture(run: Run) -> Image.Image:
    """40 samples in their own size, edge to edge; each column of a conditional model is one class."""
    samples = run.sample(COLUMNS * ROWS)
    channels, height, width = run.shape
    sheet = samples.reshape(ROWS, COLUMNS, channels, height, width).permute(2, 0, 3, 1, 4)
    return to_pil(sheet.reshape(channels, ROWS * height, COLUMNS * width))


def _evaluations(run: Run, again: bool) -> dict[str, Evaluation]:
    """The evaluations of one checkpoint, with averaged weights if there are any, and with raw weights."""
    own = Evaluation.from_json(run.record["evaluation"])
    found = {} if again else {own.card.weights: own} | _measured_like(run, own)
    for weights in WEIGHTS if run.config.train.ema_decay else WEIGHTS[1:]:
        if weights not in found:
            print(f"{run.path}: measuring its {weights} weights", file=sys.stderr)
            protocol = _protocol(json.dumps(run.config.data))
            n, seed = run.config.evaluation.final, own.card.seed
            found[weights] = protocol.evaluate_run(run, own.checkpoint, weights, n, seed or 0)
    return {weights: found[weights] for weights in WEIGHTS if weights in found}


def _measured_like(run: Run, own: Evaluation) -> dict[str, Evaluation]:
    """The newest evaluations of the same checkpoint, equal to `own` in all but the weights."""
    found = {}
    for text in run.folder.metrics.read_text(encoding="utf-8").splitlines():
        if "figures" not in (fields := json.loads(text)):
            continue
        evaluation = Evaluation.from_json(fields)
        alike = dataclasses.replace(evaluation.card, weights=own.card.weights) == own.card
        if alike and (evaluation.checkpoint, evaluation.step) == (own.checkpoint, own.step):
            found[evaluation.card.weights] = evaluation
    return found


@functools.cache
def _protocol(options: str) -> InDomain:
    """The protocol for the data that these options, in JSON, describe. Its references are computed once."""
    data = build.dataset(json.loads(options))
    return InDomain(data, data.load(), torch.device("cpu"))


def _short(values: dict[str, Any]) -> dict[str, float]:
    """The values to six digits, without metrics of single classes and without values that are not known."""
    told = {name: value for name, value in values.items() if value is not None}
    return {n: float(f"{value:.6g}") for n, value in told.items() if "/" not in n or n.endswith("/mean")}
