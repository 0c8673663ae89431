"""One page that compares runs: `python -m ganexp.report root=outputs`."""

from ganexp import interruption

if __name__ == "__main__":
    interruption.leave_at_once()

import logging
from pathlib import Path

from omegaconf import DictConfig
from pydantic.dataclasses import dataclass

from ganexp import command
from ganexp.config import STRICT, parse
from ganexp.errors import UserError
from ganexp.folder import write_whole

log = logging.getLogger("ganexp")


@dataclass(frozen=True, config=STRICT)
class Report:
    """root: a folder of runs. out: the page."""

    root: str
    out: str


def report(composed: DictConfig) -> None:
    config: Report = parse(composed, Report)
    out = Path(config.out)
    if out.suffix != ".html":
        raise UserError(f"out={out}: the report is one .html file; type out={out.with_suffix('.html')}")
    log.info("Written to %s: %s", out, write(Path(config.root), command.writable(out)))


def write(root: Path, out: Path) -> str:
    """Compare all runs below `root` on the page `out`; gives how many there are, as `12 runs`.

    UserError if there are none.
    """
    # What reads and draws takes a moment to import; a mistake should be told before.
    from ganexp.page import collect, render

    runs = collect.runs(root)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, render.page(root, runs).encode(errors="replace"))
    return f"{len(runs)} run{'s' * (len(runs) > 1)}"


def main() -> None:
    command.run("report", report)


if __name__ == "__main__":
    main()
