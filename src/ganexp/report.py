"""Writes one page that compares runs: `python -m ganexp.report root=outputs`."""

from ganexp.processes import interruption

if __name__ == "__main__":
    interruption.leave_at_once()

import logging
import time
from pathlib import Path

from omegaconf import DictConfig
from pydantic.dataclasses import dataclass

from ganexp import command
from ganexp.config import parse
from ganexp.console.arguments import line, override
from ganexp.console.out import writable
from ganexp.errors import UserError
from ganexp.fields import STRICT
from ganexp.files.whole import write_whole

log = logging.getLogger("ganexp")

PAUSE = 20.0
"""Seconds between two looks of `watch=true`; a folder of many runs gets longer pauses."""


@dataclass(frozen=True, config=STRICT)
class Report:
    """root: a folder of runs. out: the page. watch: write the page again and again, until no run is running."""

    root: str
    out: str
    watch: bool


def report(composed: DictConfig) -> None:
    config: Report = parse(composed, Report)
    root, out = Path(config.root), Path(config.out)
    if out.suffix != ".html":
        page = out.with_suffix(".html") if out.name else Path("report.html")
        raise UserError(f"out={config.out}: the report is one .html file; type out={page}")
    writable(out)
    if config.watch:
        watch(root, out)
    else:
        log.info("Written to %s: %s", out, write(root, out))


def write(root: Path, out: Path) -> str:
    """Compare all runs below `root` on the page `out`. Returns their number in words: `12 runs`.

    UserError if there are no runs.
    """
    return _in_words(_write(root, out)[0])


def watch(root: Path, out: Path) -> None:
    """Write the page `out` again and again, until nothing below `root` is running or Ctrl-C is pressed.

    UserError if there are no runs.
    """
    idle = 0
    try:
        # Between two jobs of a sweep nothing runs for a moment, so one idle look does not mean the end.
        while idle < 2:
            began = time.perf_counter()
            runs, running = _write(root, out, PAUSE)
            log.info("%s  %s: %s, %d running", time.strftime("%H:%M:%S"), out, _in_words(runs), running)
            idle = 0 if running else idle + 1
            if idle < 2:
                time.sleep(max(PAUSE, 5 * (time.perf_counter() - began)))
        _write(root, out)  # This last page does not reload itself.
        log.info("No run below %s is running. Written to %s", root, out)
    except KeyboardInterrupt:
        log.info("Stopped. %s shows the runs as they were; the same command goes on.", out)


def _write(root: Path, out: Path, renewed: float | None = None) -> tuple[int, int]:
    """Write the page once. Returns how many runs there are, and how many of them are running."""
    # These modules take a moment to import. A mistake in the command should be told before.
    from ganexp.page import collect, render

    runs = collect.runs(root)
    text = render.page(root, runs, line("report", override("root", str(root)), override("out", str(out))), renewed)
    write_whole(out, text.encode("utf-8", "replace"))  # A browser never reads half a page.
    return len(runs), sum(run.is_running for run in runs)


def _in_words(runs: int) -> str:
    return f"{runs} run{'s' * (runs != 1)}"


def main() -> None:
    command.run("report", report)


if __name__ == "__main__":
    main()
