"""Reads run folders, including those of failed runs, of running ones and of older versions."""

import json
import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ganexp.console import progress
from ganexp.console.arguments import line, override
from ganexp.errors import UserError
from ganexp.evaluation import of_one_class
from ganexp.page import curves
from ganexp.page.curves import Curve
from ganexp.run_folder import find, started
from ganexp.run_folder.changes import INERT, within
from ganexp.run_folder.folder import RunFolder


@dataclass(frozen=True)
class RunSummary:
    """A run as the report shows it.

    name: the run's folder, relative to the root. status: as in `run.json`, or `unknown`. notes: reasons and warnings.
    configuration: the composed configuration and the choices of the groups, flat; each value as a user would type it.
    choices: the keys of `configuration` that are groups. typed: the keys that were on the command line.
    reached: the last known iteration. facts: iterations, minutes and iterations per second, where they are known.
    metrics, floors, noise: finite numbers of the final evaluation by name, without those of single classes.
    classes: the share of each class among the samples. rare: the classes that the generator hardly makes.
    """

    name: str
    path: Path
    status: str
    notes: tuple[str, ...]
    command: str
    seed: str
    started: str
    reached: int | None
    configuration: dict[str, str]
    choices: frozenset[str]
    typed: frozenset[str]
    facts: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    floors: dict[str, float] = field(default_factory=dict)
    noise: dict[str, float] = field(default_factory=dict)
    classes: dict[str, float] = field(default_factory=dict)
    rare: tuple[str, ...] = ()
    card: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)

    @cached_property
    def settings(self) -> dict[str, str]:
        """The part of the configuration by which runs are compared: neither the seed nor an inert key."""
        return {key: value for key, value in self.configuration.items() if key != "seed" and not within(key, INERT)}

    @property
    def is_running(self) -> bool:
        """Whether a process is training the run."""
        return self.status == "running"


def runs(root: Path) -> list[RunSummary]:
    """Every run below `root`, in the order of their names. UserError if there is none."""
    with progress.bar(folders(root), desc="reading") as bar:
        return [read(path, root) for path in bar]


def folders(root: Path) -> list[Path]:
    """The folder of every run below `root`, in the order of their names. UserError if there is none."""
    if not root.is_dir():
        raise UserError(f"root={root}: there is no such folder; name one that holds runs, such as root=outputs")
    found = [folder.path for folder in find.runs(root)]
    if not found:
        raise UserError(
            f"root={root}: there is no run below this folder (a run is a folder with a run.json); name another "
            "folder, or train a run: python -m ganexp.train"
        )
    return found


def read(path: Path, root: Path) -> RunSummary:
    """The run in the folder `path`. The notes say which of its files could not be read."""
    folder = RunFolder(path)
    record, problem = _record(folder)
    evaluation = _mapping(record.get("evaluation"))
    card = _mapping(evaluation.get("card"))
    metrics = _metrics(evaluation.get("figures"))
    notes = [problem, record.get("why", ""), *_sequence(record.get("warnings"))]
    measured_at = evaluation.get("iterations", record.get("iterations"))
    if metrics and not card:
        notes.append("The metrics have no card, so nothing says which runs they may be compared with.")
    elif metrics and (record.get("status") != "finished" or measured_at != record.get("iterations")):
        notes.append(f"The run was resumed and not measured again: its metrics were those of {measured_at} iterations.")
        metrics = {}
    composed = started.glance(folder.config)
    if composed is None:
        notes.append("The settings are not known, because .hydra/config.yaml is missing or cannot be read.")
    chosen = _mapping(started.runtime(folder).get("choices"))
    choices = {key: _text(value) for key, value in chosen.items() if "/" not in key}
    configuration = choices | _flat(_mapping(composed))
    typed = (str(override).lstrip("+~").partition("=")[0] for override in _sequence(started.glance(folder.overrides)))
    try:
        drawn = curves.read(folder, record.get("iterations_per_second"))
    except OSError as error:
        drawn = {}
        notes.append(f"The curves cannot be read: {error}.")
    known = [record.get("iterations"), *(curve.steps[-1] for curve in drawn.values())]
    reached = max((step for step in known if isinstance(step, int)), default=None)
    status = str(record.get("status", "unknown"))
    if status in ("killed", "interrupted") and folder.has_checkpoint():
        notes.append(f"To go on, type: {line('train', override('resume', str(folder)))}")
    if fork := _mapping(record.get("fork")):
        notes.append(f"Forked from {fork.get('run')} at iteration {fork.get('iteration')}.")
    classes = _finite(evaluation.get("classes")) if metrics and card else {}
    return RunSummary(
        name=path.relative_to(root).as_posix() if path != root else path.resolve().name,
        path=path,
        status=status,
        notes=tuple(str(note) for note in notes if note),
        command=str(record.get("command", "")),
        seed=_text(record["seed"]) if "seed" in record else configuration.get("seed", ""),
        started=str(record.get("started", "")),
        reached=reached,
        configuration=configuration,
        choices=frozenset(choices),
        typed=frozenset(typed),
        facts=_facts(record, reached, drawn),
        metrics=metrics if card else {},
        floors=_metrics(evaluation.get("floors")),
        noise=_metrics(evaluation.get("noise")),
        classes=classes,
        rare=_rare(classes, _finite(evaluation.get("data_classes"))),
        card=card,
        curves=drawn,
    )


def _rare(classes: dict[str, float], data: dict[str, float]) -> tuple[str, ...]:
    """The classes with less than a tenth of their share in the data. Older runs do not know these shares: there, each
    class counts alike."""
    return tuple(
        name for name, share in classes.items() if share < (data.get(name, 0) if data else 1 / len(classes)) / 10
    )


def _facts(record: dict[str, Any], reached: int | None, drawn: dict[str, Curve]) -> dict[str, float]:
    """iterations, minutes, iterations/s: those that are known."""
    seconds = max((curve.seconds[-1] for curve in drawn.values() if curve.seconds), default=None)
    facts = {
        "iterations": reached,
        "minutes": None if seconds is None else max(round(seconds / 60, 1), 0.1),
        "iterations/s": record.get("iterations_per_second"),
    } | {f"parameters of {name[0].upper()}": n for name, n in _mapping(record.get("parameters")).items()}
    return _finite(facts)


def _record(folder: RunFolder) -> tuple[dict[str, Any], str]:
    """The contents of a `run.json`, and what is wrong with the file."""
    try:
        return folder.read_record(), ""
    except FileNotFoundError:
        return {}, "There is no run.json."
    except (OSError, ValueError) as error:
        return {}, f"The run.json cannot be read: {error}."


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
    leaves = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            leaves |= _flat(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = _text(value)
    return leaves


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)  # 1 and 1.0 are one setting.
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _finite(values: Any) -> dict[str, float]:
    numbers = {name: value for name, value in _mapping(values).items() if isinstance(value, int | float)}
    return {name: float(value) for name, value in numbers.items() if math.isfinite(value)}


def _metrics(values: Any) -> dict[str, float]:
    """The finite metrics, without those of single classes."""
    return {name: value for name, value in _finite(values).items() if not of_one_class(name)}


def _mapping(value: Any) -> dict[str, Any]:
    return {str(key): child for key, child in value.items()} if isinstance(value, dict) else {}


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
