"""What should be trained: the cells of `conf/experiment`, as they compose today."""

import dataclasses
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.utils import get_class

from ganexp.config import CONF, Config, parse, register_resolvers, run_name
from ganexp.console.arguments import line
from ganexp.run_folder.changes import INERT, within
from ganexp.sweeps.sweep_folder import product

FIRST = ("recipes_linear", "recipes_convolutional", "recipes_residual", "recipes_cifar10")
"""Experiments that stand first; the others follow by name."""

ELSEWHERE = ("data.root", "trainer.accelerator")
"""Keys that say where a run finds its data and where it computes, beside those that are inert."""

BUDGET = ("trainer", "evaluation")
"""Sections that give a cell no name of its own."""


@dataclass(frozen=True)
class Cell:
    """A configuration that is trained with several seeds.

    name: that of its file. If an earlier experiment has the same cell, both have one name. typed: the overrides
    that make the cell in its experiment, without the seed. settings: the configuration as it composes today.
    """

    name: str
    typed: tuple[str, ...]
    seeds: tuple[int, ...]
    settings: dict[str, Any]

    def command(self, seeds: Sequence[int]) -> str:
        """What to type to train these seeds."""
        return line("train", *self.typed, f"seed={','.join(map(str, seeds))}", flags=["-m"])


@dataclass(frozen=True)
class Experiment:
    """A file of `conf/experiment`. question: the first sentence of the file."""

    name: str
    question: str
    cells: tuple[Cell, ...]

    @cached_property
    def command(self) -> str:
        return line("train", f"+experiment={self.name}", flags=["-m"])

    @property
    def is_of_recipes(self) -> bool:
        return self.name in FIRST


def experiments(folder: Path = CONF / "experiment") -> list[Experiment]:
    """All experiments, in the order of the page."""
    register_resolvers()
    names: dict[str, dict[str, Any]] = {}
    found = []
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for path in sorted(folder.glob("*.yaml"), key=lambda path: (path.stem not in FIRST, _place(path), path.stem)):
            text = path.read_text(encoding="utf-8")
            found.append(Experiment(path.stem, _question(text), tuple(_cells(yaml.safe_load(text), names))))
    return found


def _place(path: Path) -> int:
    return FIRST.index(path.stem) if path.stem in FIRST else len(FIRST)


def _question(text: str) -> str:
    """The first sentences of the comment on top, without the number of runs and the command."""
    comment = " ".join(line.lstrip("# ") for line in text.splitlines()[1:] if line.startswith("# "))
    return re.split(r" \d+ runs\.", comment)[0]


def _cells(document: dict[str, Any], names: dict[str, dict[str, Any]]) -> Iterator[Cell]:
    """The cells of an experiment. names: the settings of all cells so far, by their names; new cells are added."""
    params = {key: str(values) for key, values in document["hydra"]["sweeper"]["params"].items()}
    seeds = tuple(map(int, params.pop("seed").split(",")))
    for typed in product([f"{key}={values}" for key, values in params.items()]):
        composed = settings(parse(compose("train", typed)))
        name = next((name for name, known in names.items() if not changes(known, composed)), None)
        if name is None:
            name = next(name for name in (_name(typed), _full_name(typed)) if name not in names)
            names[name] = composed
        yield Cell(name, tuple(typed), seeds, composed)


def _name(typed: Sequence[str]) -> str:
    """`wgan_gp`, `vanilla_hidden-64`; the budget is not told."""
    return _full_name([word for word in typed if not within(word.partition("=")[0], BUDGET)])


def _full_name(typed: Sequence[str]) -> str:
    """`vanilla_max_steps-2000`."""
    recipe = next((word.partition("=")[2] for word in typed if word.startswith("model=")), "vanilla")
    return re.sub(r"-+(?=_|$)", "", re.sub("--+", "-", run_name(recipe, list(typed))))


def settings(config: Config) -> dict[str, Any]:
    """All keys that decide what a run learns and how it is measured, in one flat dict, without the seed."""
    plain = json.loads(json.dumps(dataclasses.asdict(config)))
    return {key: value for key, value in _flat(plain) if key != "seed" and not within(key, (*INERT, *ELSEWHERE))}


def _flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, child in tree.items():
        if isinstance(child, dict):
            yield from _flat(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", child


def changes(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs between two settings, in words: `network.dropout is 0.3 and was 0.4`.

    If one side lacks a key, the default of the key's class counts there. So a new option is no change until it is used.
    """
    values = {key: (_value(key, then, now), _value(key, now, then)) for key in {**then, **now}}
    return [f"{key} is {after} and was {before}" for key, (before, after) in values.items() if before != after]


def _value(key: str, own: dict[str, Any], other: dict[str, Any]) -> Any:
    """The value of a key; where it is missing, the default of the class that both sides configure."""
    if key in own:
        return own[key]
    section, _, name = key.rpartition(".")
    target = own.get(f"{section}._target_")
    if target is None:
        configured = {field.name: field.type for field in dataclasses.fields(Config)}.get(section)
    else:
        configured = get_class(target) if target == other.get(f"{section}._target_") else None
    fields = dataclasses.fields(configured) if dataclasses.is_dataclass(configured) else ()
    return next((field.default for field in fields if field.name == name), None)
