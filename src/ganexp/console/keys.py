"""The keys of the commands, as the comments of `conf/*.yaml` explain them to `--help` and to docs/keys.md.

The comment at the top of a command's YAML says what the command does, with an example a line; at the top of an option's
YAML, what the option is. The comment behind a key says what the key means. A comment line above a key heads a section:
this key and those below it. This module imports no torch, because `--help` should be quick.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from ganexp.config import CONF

COMMANDS = ("train", "sample", "evaluate", "report", "export", "evaluator")


@dataclass(frozen=True)
class Key:
    """name: as it is typed, such as `trainer.max_steps`. default: as it stands in the YAML; `???` if the key must be
    typed. meaning: the comment behind the key; empty if there is none."""

    name: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Section:
    """Keys that belong together. heading: what they are for; empty if nothing heads them."""

    heading: str
    keys: list[Key] = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    """A choice of options. default: as it stands in the YAML, such as `mnist` or `[tensorboard]`."""

    name: str
    default: str
    meaning: str

    @property
    def takes_list(self) -> bool:
        return self.default.startswith("[")


@dataclass(frozen=True)
class Option:
    """A YAML of a group. words: the comment at its top. keys: those that it sets, `defaults` and `_target_` too."""

    group: str
    name: str
    words: list[str]
    keys: list[Key]


@dataclass(frozen=True)
class Command:
    """A command: what it does, examples to type, its groups, and its keys in sections."""

    name: str
    summary: str
    examples: list[str]
    groups: list[Group]
    sections: list[Section]


def of_command(name: str) -> Command:
    """What `conf/<name>.yaml` says."""
    lines, document = _read(CONF / f"{name}.yaml")
    summary, *examples = _top(lines)
    sections = [Section("")]
    groups: list[Group] = []
    for key, value in document.value:
        heading = _above(lines, key.start_mark.line)
        if key.value == "defaults":
            groups = list(_groups(lines, value))
        elif key.value == "hydra":  # Most of these keys are Hydra's own business; those with a comment are for users.
            sections.append(Section(heading, [k for k in _keys(lines, value, "hydra") if k.meaning]))
        else:
            if heading:
                sections.append(Section(heading))
            sections[-1].keys.extend(_keys(lines, value, key.value))
    return Command(name, summary, examples, groups, [section for section in sections if section.keys])


def shown(default: str) -> str:
    """A default for people: `…` stands for what must be typed, or for what Hydra computes."""
    return "…" if default == "???" else re.sub(r"\$\{.*\}", "…", default)


def options(group: str, config_dir: str | None = None) -> list[str]:
    """The options of a group, those of the user's own folder too."""
    folders = [Path(root, group) for root in (CONF, config_dir) if root]
    return sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})


def option(group: str, name: str) -> Option:
    """What `conf/<group>/<name>.yaml` says."""
    lines, document = _read(CONF / group / f"{name}.yaml")
    package = re.match(r"# @package (\S+)", lines[0])
    prefix = package[1].replace("_global_", "") if package else group
    return Option(group, name, _top(lines[1:] if package else lines), list(_keys(lines, document, prefix)))


@cache
def _read(path: Path) -> tuple[list[str], yaml.MappingNode]:
    lines = path.read_text(encoding="utf-8").splitlines()
    document = yaml.compose("\n".join(lines))
    # A recipe of comments alone changes nothing.
    return lines, document if isinstance(document, yaml.MappingNode) else yaml.MappingNode("", [])


def _top(lines: list[str]) -> list[str]:
    """The comment lines at the top, without those that are empty."""
    end = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return [text for line in lines[:end] if (text := line.lstrip("#").strip())]


def _above(lines: list[str], number: int) -> str:
    """The comment line above a line; empty if there is none."""
    return lines[number - 1].lstrip("# ") if lines[number - 1].startswith("#") else ""


def _keys(lines: list[str], node: yaml.Node, name: str) -> Iterator[Key]:
    """The key of that name, or all keys in it."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _keys(lines, value, f"{name}.{key.value}".lstrip("."))
        return
    line = lines[node.start_mark.line]
    yield Key(name, line[node.start_mark.column : node.end_mark.column], _comment(line[node.end_mark.column :]))


def _groups(lines: list[str], defaults: yaml.SequenceNode) -> Iterator[Group]:
    for entry in defaults.value:
        if isinstance(entry, yaml.MappingNode) and not entry.value[0][0].value.startswith("override "):
            key, value = entry.value[0]
            line = lines[value.start_mark.line]
            default = line[value.start_mark.column : value.end_mark.column]
            yield Group(key.value, default, _comment(line[value.end_mark.column :]))


def _comment(rest: str) -> str:
    return rest.partition("#")[2].strip()
