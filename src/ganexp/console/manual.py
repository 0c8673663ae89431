"""What `--help` prints."""

import shutil
import textwrap

from ganexp.console import keys
from ganexp.console.keys import COMMANDS

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
        + _table([(name, keys.of_command(name).summary) for name in COMMANDS])
        + "\n\nType ganexp COMMAND, or python -m ganexp.COMMAND. For its keys: ganexp COMMAND --help"
    )


def of_command(name: str, config_dir: str | None = None) -> str:
    """What a command does, three examples, the options of its groups, its keys, and its flags."""
    command = keys.of_command(name)
    parts = [textwrap.fill(command.summary, _width()), "\n".join(["Examples:", *(f"  {e}" for e in command.examples)])]
    if command.groups:
        rows = [
            (
                f"{group.name}={keys.shown(group.default)}",
                f"{group.meaning}: {', '.join(keys.options(group.name, config_dir))}",
            )
            for group in command.groups
        ]
        parts.append("Groups, typed as GROUP=OPTION:\n" + _table(rows))
    for section in command.sections:
        rows = [(f"{key.name}={keys.shown(key.default)}", key.meaning) for key in section.keys]
        parts.append(f"{section.heading or 'Keys, typed as KEY=VALUE'}:\n{_table(rows)}")
    flags = FLAGS if name in ("train", "evaluate") else FLAGS.partition("\n")[2]
    return "\n\n".join([*parts, f"Flags:\n{flags}"]).rstrip()


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 100)


def _table(rows: list[tuple[str, str]]) -> str:
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
