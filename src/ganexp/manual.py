"""What `--help` prints, made from the comments of `conf/`."""

import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import yaml

from ganexp.config import CONF

COMMANDS = ("train", "sample", "evaluate", "report", "export", "evaluator")

FLAGS = """\
  -m                 run once for each of several values: seed=0,1,2
  --cfg job          print every key, also those of the chosen options
  --config-dir=DIR   add your own recipes and options, DIR/GROUP/NAME.yaml
  --hydra-help       the flags of Hydra, which reads the command line
"""


def of_package() -> str:
    """The commands, a line each."""
    return (
        "GAN experiments, composed with Hydra and trained with Lightning.\n\n"
        + _table([(name, _header(name)[0]) for name in COMMANDS])
        + "\n\nType ganexp COMMAND, or python -m ganexp.COMMAND. For its keys: ganexp COMMAND --help"
    )


def of_command(name: str, config_dir: str | None = None) -> str:
    """What a command does, three examples, its keys, and the options of its groups."""
    summary, *examples = _header(name)
    parts = [textwrap.fill(summary, _width()), "\n".join(["Examples:", *(f"  {example}" for example in examples)])]
    parts.append("Keys, with their defaults, typed as KEY=VALUE:\n" + _table(_keys(name)))
    groups = list(_groups(name))
    if groups:
        rows = []
        for group, word in groups:
            options = {path.stem for root in (CONF, config_dir) if root for path in Path(root, group).glob("*.yaml")}
            rows.append((f"{group}=", f"{word}: {', '.join(sorted(options))}"))
        parts.append("Groups, each a choice of options:\n" + _table(rows))
    flags = FLAGS if name in ("train", "evaluate") else FLAGS.partition("\n")[2]
    return "\n\n".join([*parts, f"Flags:\n{flags}"]).rstrip()


def groups_of_lists(name: str) -> list[str]:
    """The groups of which a command may take several options."""
    document = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    chosen = [entry for entry in document["defaults"] if isinstance(entry, dict)]
    return [group for entry in chosen for group, option in entry.items() if isinstance(option, list)]


def _lines(name: str) -> list[str]:
    return (CONF / f"{name}.yaml").read_text(encoding="utf-8").splitlines()


def _header(name: str) -> list[str]:
    """The comment at the top of a command's YAML: what the command does, then an example a line."""
    lines = _lines(name)
    end = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    return [text for line in lines[:end] if (text := line.lstrip("#").strip())]


def _keys(name: str) -> Iterator[tuple[str, str]]:
    """Each key of a command's YAML with its value, and the comment that stands behind it."""
    lines = _lines(name)
    document = yaml.compose("\n".join(lines))

    def walk(node: yaml.MappingNode, prefix: str) -> Iterator[tuple[str, str]]:
        for key, value in node.value:
            path = f"{prefix}{key.value}"
            if path in ("defaults", "hydra"):
                continue
            if isinstance(value, yaml.MappingNode):
                yield from walk(value, f"{path}.")
                continue
            line = lines[value.start_mark.line]
            written = line[value.start_mark.column : value.end_mark.column]
            yield f"{path}={'…' if written == '???' else written}", _comment(line[value.end_mark.column :])

    assert isinstance(document, yaml.MappingNode)
    yield from walk(document, "")


def _groups(name: str) -> Iterator[tuple[str, str]]:
    """Each group of a command's list of defaults, and the comment that stands behind it."""
    lines = _lines(name)
    document = yaml.compose("\n".join(lines))
    assert isinstance(document, yaml.MappingNode)
    defaults = next(value for key, value in document.value if key.value == "defaults")
    for entry in defaults.value:
        if isinstance(entry, yaml.MappingNode) and not entry.value[0][0].value.startswith("override "):
            key, value = entry.value[0]
            yield key.value, _comment(lines[value.end_mark.line][value.end_mark.column :])


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 100)


def _comment(rest: str) -> str:
    return rest.partition("#")[2].strip()


def _table(rows: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> str:
    rows = list(rows)
    indent = max(len(left) for left, _ in rows) + 4
    return "\n".join(
        textwrap.fill(
            right,
            _width(),
            initial_indent=f"  {left}".ljust(indent),
            subsequent_indent=" " * indent,
            break_on_hyphens=False,
        )
        if right
        else f"  {left}"
        for left, right in rows
    )
