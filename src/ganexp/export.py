"""Write a generator for other programs, and a page to explore it: `python -m ganexp.export run=outputs/…`."""

from ganexp.processes import interruption

if __name__ == "__main__":
    interruption.leave_at_once()

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from omegaconf import DictConfig
from pydantic.dataclasses import dataclass

from ganexp import command
from ganexp.config import parse
from ganexp.console.arguments import override
from ganexp.console.out import writable
from ganexp.errors import UserError
from ganexp.extras import require
from ganexp.fields import STRICT
from ganexp.run_folder.folder import RunFolder

if TYPE_CHECKING:
    from ganexp.run import Run

log = logging.getLogger("ganexp")


@dataclass(frozen=True, config=STRICT, kw_only=True)
class Export:
    run: str
    checkpoint: str | None
    weights: Literal["ema", "raw"] | None
    out: str | None


def export(composed: DictConfig) -> None:
    config: Export = parse(composed, Export)
    out = RunFolder(Path(config.run)).export if config.out is None else Path(config.out)
    check(out)

    # Torch takes seconds to import, so mistakes are reported first.
    from ganexp.run import Run

    run = Run.open(config.run)
    write(run, config.checkpoint, run.weights(config.weights), out)
    log.info("Written to %s: generator.onnx, generator.safetensors, and explorer.html to open in a browser", out)


def check(out: Path) -> None:
    """UserError if a package is missing, or if `out` cannot be a folder of files."""
    require("export", "export", "onnx", "onnxscript", "onnxruntime", "safetensors")
    writable(out, folder=True)


def write(run: "Run", which: str | None, weights: str, out: Path) -> None:
    """Write three files into the folder `out`. which, weights: as for `Run.checkpoint` and `Run.network`.

    UserError if a file cannot be made.
    """
    from ganexp.exporting import explorer, portable

    checkpoint = run.checkpoint(which)
    generator = run.network(checkpoint, weights)
    graph = portable.to_onnx(generator, run.config.model.latent_dim, len(run.classes))
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "explorer.html").unlink(missing_ok=True)  # An older page must not stay if this one is refused.
        portable.write_onnx(graph, out / "generator.onnx")
        portable.write_safetensors(run, generator, out / "generator.safetensors")
        chosen = [override("checkpoint", which)] if which is not None else []
        chosen += [override("weights", weights)] if weights != "ema" else []
        explorer.write(run, run.iteration(checkpoint), generator, graph, out / "explorer.html", chosen)
    except OSError as error:
        raise UserError(f"out={out}: it cannot be written ({error.strerror}); name another folder") from None
    except UserError as error:
        raise UserError(f"{out} has generator.onnx and generator.safetensors, but no explorer.html: {error}") from None


def main() -> None:
    command.run("export", export)


if __name__ == "__main__":
    main()
