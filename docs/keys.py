"""Writes docs/keys.md, the reference of every key:

    python -m docs.keys

Names, defaults and meanings come from `conf/`, as in `--help`. Types and ranges come from the typed configuration: the
dataclasses of the commands, and the dataclass that an option's `_target_` names.
"""

import importlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from ganexp.config import CONF, Config
from ganexp.console import keys
from ganexp.console.arguments import literal
from ganexp.console.keys import COMMANDS, Key, Option
from ganexp.evaluate import Evaluate
from ganexp.evaluator import TrainEvaluator
from ganexp.export import Export
from ganexp.report import Report
from ganexp.run_folder.changes import INERT
from ganexp.sample import Sample

PAGE = Path(__file__).with_name("keys.md")

SCHEMAS = {
    "train": Config,
    "sample": Sample,
    "evaluate": Evaluate,
    "report": Report,
    "export": Export,
    "evaluator": TrainEvaluator,
}

HEAD = """\
# Every key

A command takes keys, `trainer.max_steps=20000`, and options of groups, `loss=hinge`. What you type wins over the
recipe (`model=…`), and the recipe wins over the defaults below. `python -m ganexp.train --help` shows the same keys
in short; `--cfg job` prints the configuration of what you typed, and trains nothing.

`null` means: none. Whole numbers are below 2³¹ where nothing else is said. A key of a group belongs to some of its
options; where their defaults differ, the options stand in brackets.

*This page is made from `conf/` and from the types in the code, by `python -m docs.keys`.*
"""


@dataclass(frozen=True)
class Row:
    """A key of some options of a group, which has the same type and meaning in each of them."""

    key: str
    type: str
    meaning: str
    defaults: dict[str, str]
    """By option."""


def page() -> str:
    """The whole of docs/keys.md."""
    others = (line for name in COMMANDS[1:] for line in _command(name))
    return "\n".join([HEAD, *_command("train"), *_groups(), *others])


def typed(command: str) -> dict[str, str]:
    """The type of each key of a command that lies outside the groups, in words."""
    told = keys.of_command(command)
    return {key.name: type_of(SCHEMAS[command], key.name) for section in told.sections for key in section.keys}


def rows(group: str) -> list[Row]:
    """The keys of a group's options. A key without a comment has the meaning that another option says."""
    held = [
        # `regularizer.r1.weight` and `regularizer.r2.weight` are one row.
        (option, key, re.sub(rf"^{group}\.{option.name}\.", f"{group}.OPTION.", key.name))
        for option in _options(group)
        for key in option.keys
        if not re.search(r"^defaults$|\b_target_$", key.name)
    ]
    meanings: dict[str, str] = {}
    for _, key, name in held:
        meanings[name] = meanings.get(name) or key.meaning
    found: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
    for option, key, name in sorted(held, key=lambda row: list(meanings).index(row[2])):
        found[name, _type_in_option(option, key), key.meaning or meanings[name]][option.name] = key.default
    return [
        Row(name.replace("OPTION", *defaults) if len(defaults) == 1 else name, type, meaning, defaults)
        for (name, type, meaning), defaults in found.items()
    ]


def _command(name: str) -> Iterator[str]:
    told, types = keys.of_command(name), typed(name)
    prefix = "" if name == "train" else f"{name}."  # Several commands have a key `seed`.
    yield f"## {name}\n\n{told.summary}\n\n```\n" + "\n".join(told.examples) + "\n```\n"
    if told.groups:
        yield from _table(
            ["group", "default", "what it chooses"],
            ([f"[`{group.name}`](#{group.name})", _shown(group.default), group.meaning] for group in told.groups),
        )
    for section in told.sections:
        heading, _, more = section.heading.partition(": ")
        if heading:
            yield f"### {heading}\n"
        if more:
            yield f"{more[0].upper()}{more[1:]}.\n"
        yield from _table(
            ["key", "type and range", "default", "meaning"],
            ([_named(key.name, prefix), types[key.name], _default(key), key.meaning] for key in section.keys),
        )
    if name == "train":
        inert = ", ".join(f"`{key}`" for key in INERT)
        yield f"These keys, and those below them, change nothing of what a run learns: {inert}.\n"


def _groups() -> Iterator[str]:
    yield "## Groups\n\nA name leads to the YAML of the option.\n"
    meanings = {group.name: group.meaning for name in reversed(COMMANDS) for group in keys.of_command(name).groups}
    for group in meanings:
        yield f"### {group}\n\n{meanings[group][0].upper()}{meanings[group][1:]}.\n"
        if group == "model":
            yield from _recipes()
            continue
        yield from _table(
            ["option", "what it is"],
            ([_link(group, option.name), " ".join(option.words)] for option in _options(group)),
        )
        if found := rows(group):
            named: set[str] = {"model.hidden"}  # The anchors that are there: this one is in the section of `train`.
            yield from _table(
                ["key", "options", "type and range", "default", "meaning"], (_cells(group, row, named) for row in found)
            )
    yield from _experiments()
    yield from _plugins()


def _recipes() -> Iterator[str]:
    def row(option: Option) -> list[str]:
        chosen = yaml.safe_load((CONF / "model" / f"{option.name}.yaml").read_text(encoding="utf-8")) or {}
        words = []
        for entry in chosen.get("defaults", ()):
            for group, choice in entry.items() if isinstance(entry, dict) else ():
                words.append(f"`{group.removeprefix('override /')}={literal(choice)}`")
            if isinstance(entry, str) and entry != "_self_":
                words.append(f"all of `{entry}`")
        words += [f"`{key.name}={key.default}`" for key in option.keys if key.name != "defaults"]
        return [_link("model", option.name), " ".join(option.words), ", ".join(words) or "every default"]

    yield from _table(["recipe", "what it is", "what it chooses"], map(row, _options("model")))


def _experiments() -> Iterator[str]:
    yield "### experiment\n\nQuestions, each asked as a sweep: `python -m ganexp.train -m +experiment=width`.\n"
    prefix = "hydra.sweeper.params."
    yield from _table(
        ["experiment", "question", "what it sweeps over"],
        (
            [
                _link("experiment", option.name),
                option.words[0],
                ", ".join(f"`{key.name.removeprefix(prefix)}={key.default}`" for key in option.keys),
            ]
            for option in _options("experiment")
        ),
    )


def _plugins() -> Iterator[str]:
    yield "### hydra/launcher and hydra/sweeper\n"
    yield "Where the jobs of a sweep run, and which they are: [scaling.md](scaling.md).\n"
    groups = {kind: f"hydra/presets/{kind}" for kind in ("launcher", "sweeper")}
    plugins = {f"hydra/{kind}={o.name}": o for kind, group in groups.items() for o in _options(group)}
    yield from _table(
        ["choice", "what it does"],
        ([f"[`{choice}`](../conf/{o.group}/{o.name}.yaml)", o.words[0]] for choice, o in plugins.items()),
    )
    yield "Their plugins type these keys. Only those that ganexp explains are here; the YAML has all that it sets.\n"
    yield from _table(
        ["key", "choice", "default", "meaning"],
        (
            [f"`{key.name}`", f"`{choice}`", _shown(key.default), key.meaning]
            for choice, option in plugins.items()
            for key in option.keys
            if key.meaning
        ),
    )


def _options(group: str) -> list[Option]:
    """The options of a group; the default stands first."""
    chosen = [g.default.strip("[]") for g in keys.of_command("train").groups if g.name == group]
    return [keys.option(group, name) for name in sorted(keys.options(group), key=lambda name: name not in chosen)]


def _type_in_option(option: Option, key: Key) -> str:
    """The type of an option's key: its class is the one that `_target_` beside the key, or above it, names."""
    targets = {k.name.removesuffix("_target_"): k.default for k in option.keys if k.name.endswith("_target_")}
    for prefix, target in targets.items():
        if key.name.startswith(prefix):
            module, _, name = target.rpartition(".")
            return type_of(getattr(importlib.import_module(module), name), key.name.removeprefix(prefix))
    return type_of(TrainEvaluator if option.group == "classifier" else Config, key.name)


def type_of(schema: type, key: str) -> str:
    """The type and the range of a key of a dataclass, in words."""
    if key.startswith("hydra."):
        return "text"
    described = _described(schema)
    here = described
    for part in key.split("."):
        here = described["$defs"][here["$ref"].rpartition("/")[2]] if "$ref" in here else here
        here = here["properties"][part]
    return in_words(here)


@cache
def _described(schema: type) -> dict[str, Any]:
    return TypeAdapter(schema).json_schema()


def in_words(schema: dict[str, Any]) -> str:
    """What a JSON schema allows: `whole number from 1`."""
    if "anyOf" in schema:
        *others, last = (in_words(part) for part in schema["anyOf"])
        return f"{', '.join(others)} or {last}"
    if "enum" in schema or "const" in schema:
        *others, last = (f"`{literal(value)}`" for value in schema.get("enum", [schema.get("const")]))
        return f"{', '.join(others)} or {last}" if others else last
    match schema["type"]:
        case "integer" | "number" as kind:
            return ("whole number" if kind == "integer" else "number") + _range(schema)
        case "boolean":
            return "`true` or `false`"
        case "string":
            return "text"
        case "null":
            return "`null`"
        case "array" if "prefixItems" in schema:
            return f"list ({'; '.join(in_words(part) for part in schema['prefixItems'])})"
        case "array":
            return f"list{' of at least one' * schema.get('minItems', 0)} ({in_words(schema['items'])})"
    raise ValueError(f"no words for the JSON schema {schema}")


def _range(schema: dict[str, Any]) -> str:
    told = ""
    if "minimum" in schema:
        told += f" from {schema['minimum']}"
    if "exclusiveMinimum" in schema:
        told += f" above {schema['exclusiveMinimum']}"
    below = schema.get("exclusiveMaximum", 2**31)
    if below != 2**31:  # The head of the page tells this limit.
        return f"{told}, below {'2³²' if below == 2**32 else below}"
    return told + (f" to {schema['maximum']}" if "maximum" in schema else "")


def _default(key: Key) -> str:
    """The default of a key outside the groups. Options of a group may bring one."""
    if key.default != "???":
        return _shown(key.default)
    brought = {
        option.name: own.default
        for group in keys.of_command("train").groups
        for option in _options(group.name)
        for own in option.keys
        if own.name == key.name and group.name != "model"
    }
    return _by_option(brought) if brought else _shown(key.default)


def _by_option(defaults: dict[str, str]) -> str:
    """A default, or several of them, each with the options that have it."""
    holders: dict[str, list[str]] = defaultdict(list)
    for option, default in defaults.items():
        holders[default].append(option)
    if len(holders) == 1:
        return _shown(*holders)
    return ", ".join(f"{_shown(default)} ({', '.join(names)})" for default, names in holders.items())


def _shown(default: str) -> str:
    if default == "???":
        return "to be typed"
    whole = re.fullmatch(r"\$\{([\w.]+)\}", default)
    return f"as `{whole[1]}`" if whole else f"`{keys.shown(default)}`"


def _cells(group: str, row: Row, named: set[str]) -> list[str]:
    """The cells of a row. `named` are the keys that have an anchor already."""
    key = f"`{row.key}`" if row.key in named else _named(row.key)
    named.add(row.key)
    whose = "all" if sorted(row.defaults) == keys.options(group) else ", ".join(row.defaults)
    return [key, whose, row.type, _by_option(row.defaults), row.meaning]


def _link(group: str, option: str) -> str:
    return f"[`{option}`](../conf/{group}/{option}.yaml)"


def _named(key: str, prefix: str = "") -> str:
    """The cell of a key, with an anchor that links may lead to."""
    return f'<a id="{prefix}{key}"></a>`{key}`'


def _table(head: list[str], cells: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |\n|{'---|' * len(head)}"
    for row in cells:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE} is written")
