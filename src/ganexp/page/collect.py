"""Runs, as their folders tell of them: also of those that failed, still run, or are of an older version."""

import json
import math
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from ganexp.errors import UserError
from ganexp.folder import RunFolder
from ganexp.page import curves
from ganexp.page.curves import Curve

APART = ("checkpoints", "samples")
"""Folders of a run in which there is no other run, but many files."""

UNTOLD = ("resume", "logger", "samples", "checkpoint", "trainer.log_every_n_steps")
"""Keys, or sections, that do not change what a run learns, nor what is measured of it."""


@dataclass(frozen=True)
class Run:
    """name: its folder below the root. status: as in `run.json`, or `unknown`. notes: why it is so, and warnings.

    settings: the composed configuration and the groups' choices, flat, each value as one would type it.
    choices: those of its keys that are groups. typed: keys that stood on the command line.
    reached: the last iteration that is known of. figures, floors, noise: finite numbers of the final evaluation by
    name, those of single classes left out.
    """

    name: str
    path: Path
    status: str
    notes: tuple[str, ...]
    command: str
    seed: str
    started: str
    reached: int | None
    settings: dict[str, str]
    choices: frozenset[str]
    typed: frozenset[str]
    figures: dict[str, float] = field(default_factory=dict)
    floors: dict[str, float] = field(default_factory=dict)
    noise: dict[str, float] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)


def runs(root: Path) -> list[Run]:
    """Every run below `root`, in the order of their names. UserError if there is none."""
    if not root.is_dir():
        raise UserError(f"root={root}: there is no such folder; name one that holds runs, such as root=outputs")
    folders = sorted(_folders(root), key=lambda path: natural(str(path)))
    if not folders:
        raise UserError(
            f"root={root}: no run below it, which is a folder with a run.json; name another, or train one: "
            "python -m ganexp.train"
        )
    with tqdm(folders, desc="reading", disable=not sys.stderr.isatty(), leave=False) as bar:
        return [read(path, root) for path in bar]


def natural(text: str) -> list[tuple[int, str]]:
    """A key to sort by: numbers within the text count as numbers, 9 before 10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", text)]


def read(path: Path, root: Path) -> Run:
    """The run in the folder `path`; what cannot be read of it is said in its notes."""
    record, problem = _record(path / "run.json")
    evaluation = _mapping(record.get("evaluation"))
    card = _mapping(evaluation.get("card"))
    figures = _headline(evaluation.get("figures"))
    notes = [problem, record.get("why", ""), *_sequence(record.get("warnings"))]
    measured_at = evaluation.get("iterations", record.get("iterations"))
    if figures and not card:
        notes.append("Its figures have no card, so nothing says what they may be compared with.")
    elif figures and (record.get("status") != "finished" or measured_at != record.get("iterations")):
        notes.append(f"It was resumed, and not measured since: its figures were those of {measured_at} iterations.")
        figures = {}
    hydra = path / ".hydra"
    composed = _yaml(hydra / "config.yaml")
    if composed is None:
        notes.append("Its .hydra/config.yaml is missing or cannot be read, so its settings are not known.")
    chosen = _mapping(
        _mapping(_mapping(_mapping(_yaml(hydra / "hydra.yaml")).get("hydra")).get("runtime")).get("choices")
    )
    choices = {key: _text(value) for key, value in chosen.items() if "/" not in key}
    settings = choices | _flat(_mapping(composed))
    typed = (str(override).lstrip("+~").partition("=")[0] for override in _sequence(_yaml(hydra / "overrides.yaml")))
    try:
        drawn = curves.read(path, record.get("iterations_per_second"))
    except OSError as error:
        drawn = {}
        notes.append(f"Its curves cannot be read: {error}.")
    reached = [record.get("iterations"), *(curve.steps[-1] for curve in drawn.values())]
    return Run(
        name=path.relative_to(root).as_posix() if path != root else path.resolve().name,
        path=path,
        status=str(record.get("status", "unknown")),
        notes=tuple(str(note) for note in notes if note),
        command=str(record.get("command", "")),
        seed=_text(record["seed"]) if "seed" in record else settings.get("seed", ""),
        started=str(record.get("started", "")),
        reached=max((step for step in reached if isinstance(step, int)), default=None),
        settings={key: value for key, value in settings.items() if key != "seed" and not _within(key, UNTOLD)},
        choices=frozenset(choices),
        typed=frozenset(typed),
        figures=figures if card else {},
        floors=_headline(evaluation.get("floors")),
        noise=_headline(evaluation.get("noise")),
        card=card,
        curves=drawn,
    )


def _folders(root: Path) -> list[Path]:
    found = []
    for folder, below, files in os.walk(root):
        is_run = "run.json" in files or Path(folder, ".hydra", "config.yaml").is_file()
        if is_run:
            found.append(Path(folder))
        below[:] = [name for name in below if not (is_run and name in APART) and not name.startswith(".")]
    return found


def _record(path: Path) -> tuple[dict[str, Any], str]:
    """The contents of a `run.json`, and what is wrong with it."""
    try:
        return RunFolder(path.parent).read_record(), ""
    except FileNotFoundError:
        return {}, "There is no run.json."
    except (OSError, ValueError) as error:
        return {}, f"Its run.json cannot be read: {error}."


def _yaml(path: Path) -> Any:
    """None if it is not there, or is not YAML."""
    # The loader in C is thirty times faster than OmegaConf's, and interpolations are wanted as they were written.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), loader)
    except (OSError, ValueError, yaml.YAMLError):
        return None


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
        value = int(value)  # Typed as 1 or as 1.0, it is one setting.
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _headline(figures: Any) -> dict[str, float]:
    """The finite numbers; `name/class` stands for one class alone, and is left out, but not the classes' mean."""
    numbers = {name: value for name, value in _mapping(figures).items() if isinstance(value, int | float)}
    wanted = {name: value for name, value in numbers.items() if "/" not in name or name.endswith("/mean")}
    return {name: float(value) for name, value in wanted.items() if math.isfinite(value)}


def _mapping(value: Any) -> dict[str, Any]:
    return {str(key): child for key, child in value.items()} if isinstance(value, dict) else {}


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _within(key: str, sections: tuple[str, ...]) -> bool:
    return any(key == section or key.startswith(f"{section}.") for section in sections)
