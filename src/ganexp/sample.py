"""Pictures from any run: `python -m ganexp.sample run=outputs/… n=64`."""

import logging
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt
from omegaconf import DictConfig
from pydantic import Field
from pydantic.dataclasses import dataclass

from ganexp import command
from ganexp.config import STRICT, NonNegative, Positive, parse
from ganexp.errors import UserError

log = logging.getLogger("ganexp")

SHEET = 10_000
"""Pictures that one sheet may hold."""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class Sample:
    """label, under the key `class`: a class's name or number, or `all` for a row a class."""

    run: str
    n: Positive | None
    label: str | int | None = Field(alias="class")
    seed: Annotated[int, Ge(0), Lt(2**32)]
    checkpoint: str | None
    weights: Literal["ema", "raw"]
    truncation: Annotated[float, Gt(0)] | None
    interpolate: NonNegative
    out: str


def sample(composed: DictConfig) -> None:
    config: Sample = parse(composed, Sample)
    out = Path(config.out)
    if out.suffix not in ("", ".png", ".gif", ".webp", ".npz"):
        raise UserError(f"out={out}: a .png, .gif, .webp or .npz file, or a folder for single pictures")
    if command.writable(out).is_dir() and any(out.iterdir()):
        raise UserError(f"out={out}: the folder holds something, which would be mixed with the pictures; name another")
    if config.interpolate == 1 or (config.interpolate and config.label == "all"):
        raise UserError(f"interpolate={config.interpolate}: at least 2 pictures a row, and not with class=all")
    if out.suffix in (".png", ".gif", ".webp") and (config.n or 64) * max(config.interpolate, 1) > SHEET:
        raise UserError(f"n={config.n}: too many for one picture; type out=samples.npz, or name a folder")

    # Torch takes seconds to import; a mistake should be told before.
    from ganexp import sheets
    from ganexp.runs import Run

    run = Run.open(config.run)
    n = config.n or (10 * len(run.classes) if config.label == "all" else 64)
    stream = run.stream(
        n, config.label, config.seed, config.checkpoint, config.weights, config.truncation, config.interpolate
    )
    columns = config.interpolate or None
    if config.label == "all":
        columns = n // len(run.classes)
    sheets.write(stream, out, columns, run.classes)
    log.info("Written to %s", out)


def main() -> None:
    command.run("sample", sample)


if __name__ == "__main__":
    main()
