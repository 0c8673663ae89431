"""`python -m ganexp`, installed as `ganexp`: lists the commands. `ganexp train …` is `python -m ganexp.train …`."""

import importlib
import os
import sys

from ganexp import __version__
from ganexp.processes import interruption


def main() -> None:
    interruption.leave_at_once()
    if not sys.flags.safe_path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # As `python -m` does: a user's own parts lie there.
    from ganexp.console import manual
    from ganexp.errors import did_you_mean

    name, *rest = sys.argv[1:] or ["--help"]
    if name in manual.COMMANDS:
        sys.argv = [name, *rest]
        importlib.import_module(f"ganexp.{name}").main()
    elif name in ("--help", "-h"):
        print(manual.of_package())
    elif name == "--version":
        print(f"ganexp {__version__}")
    else:
        print(f"{name}: no such command; {did_you_mean(name, manual.COMMANDS)}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
