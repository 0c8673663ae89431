"""Make pictures with the generator of a run: `python -m ganexp.sample run=outputs/… n=64`."""

from ganexp.processes import interruption

if __name__ == "__main__":
    interruption.leave_at_once()

import logging
import os
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt
from omegaconf import DictConfig
from pydantic import Field
from pydantic.dataclasses import dataclass

from ganexp import command
from ganexp.config import parse
from ganexp.console.out import writable
from ganexp.errors import UserError
from ganexp.fields import STRICT, NonNegative, Positive

log = logging.getLogger("ganexp")

SHEET = 10_000
"""The most pictures of one sheet or animation."""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class Sample:
    """label, under the key `class`: a class's name or number, or `all` for one row per class."""

    run: str
    n: Positive | None
    label: str | None = Field(alias="class")
    seed: Annotated[int, Ge(0), Lt(2**32)]
    checkpoint: str | None
    weights: Literal["ema", "raw"] | None
    truncation: Annotated[float, Gt(0)] | None
    interpolate: NonNegative
    out: str


def sample(composed: DictConfig) -> None:
    config: Sample = parse(composed, Sample)
    out, suffix = Path(config.out), Path(config.out).suffix.lower()
    folder = (
        config.out.endswith(("/", os.sep)) or os.path.isdir(out) or suffix[1:].isdigit() or suffix == ""
    )  # v1.0 is one
    if not folder and suffix not in (".png", ".gif", ".webp", ".npz"):
        raise UserError(
            f"out={out}: a .png, .gif, .webp or .npz file, or a folder for single pictures, with / at its end"
        )
    if writable(out, folder).is_dir() and any(out.iterdir()):
        raise UserError(f"out={out}: the folder is not empty, and its files would mix with the pictures; name another")
    if config.interpolate == 1:
        raise UserError("interpolate=1: a row needs 2 pictures; type interpolate=2 or more, or 0 for no rows")
    if config.interpolate and config.label == "all":
        raise UserError(f"interpolate={config.interpolate} and class=all: leave one of the two keys out")
    asked = (config.n or 64) * max(config.interpolate, 1)
    if not folder and suffix != ".npz" and asked > SHEET:
        raise UserError(f"{asked:,} pictures: out={out} may hold {SHEET:,}; type out=samples.npz or out=FOLDER/")

    # Torch takes seconds to import, so mistakes are reported first.
    from ganexp.pictures import sheets
    from ganexp.run import Run

    run = Run.open(config.run)
    n = config.n or (10 * len(run.classes) if config.label == "all" else 64)
    stream = run.stream(
        n, config.label, config.seed, config.checkpoint, config.weights, config.truncation, config.interpolate
    )
    columns = config.interpolate or None
    if config.label == "all":
        columns = n // len(run.classes)
    sheets.write(stream, n * max(config.interpolate, 1), out, folder, columns, run.classes)
    log.info("Written to %s", out)


def main() -> None:
    command.run("sample", sample)


if __name__ == "__main__":
    main()
