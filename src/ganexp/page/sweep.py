"""A sweep ends with the report of its runs."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

log = logging.getLogger("ganexp")


class Sweep(Callback):
    """Remembers the folder of the sweep that Hydra began: if a job fails, Hydra calls nothing at the end."""

    folder: ClassVar[Path | None] = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        Sweep.folder = Path(config.hydra.sweep.dir)


@contextmanager
def reported() -> Iterator[None]:
    """If a sweep was run in the block, `report.html` is in its folder afterwards, however the block ended."""
    Sweep.folder = None
    try:
        yield
    finally:
        # Of a command line that Hydra refused there is no run.
        if Sweep.folder is not None and any(Sweep.folder.rglob("run.json")):
            _report(Sweep.folder)


def _report(folder: Path) -> None:
    from ganexp.report import write

    out = folder / "report.html"
    try:
        print(f"The report of {write(folder, out)} is {out}", file=sys.stderr)
    except Exception:
        log.exception("The report could not be written:")
