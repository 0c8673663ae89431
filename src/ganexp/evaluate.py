"""Measure a run, or anybody's pictures: `python -m ganexp.evaluate run=outputs/…`."""

from ganexp import interruption

if __name__ == "__main__":
    interruption.leave_at_once()

import json
import logging
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Lt
from omegaconf import DictConfig, OmegaConf
from pydantic.dataclasses import dataclass

from ganexp import command
from ganexp.arguments import Arguments, override
from ganexp.config import STRICT, parse
from ganexp.errors import UserError
from ganexp.folder import write_whole

log = logging.getLogger("ganexp")


@dataclass(frozen=True, config=STRICT)
class Evaluate:
    """run or samples: what is measured. n: pictures."""

    run: str | None
    samples: str | None
    checkpoint: str | None
    weights: Literal["ema", "raw"]
    n: Annotated[int, Ge(100)]
    seed: Annotated[int, Ge(0), Lt(2**32)]
    device: Literal["auto", "cpu", "cuda", "mps"]
    protocol: Literal["in_domain", "official"]
    gan_train: bool
    out: str | None
    data: dict[str, Any] | None = None


def evaluate(composed: DictConfig) -> None:
    config: Evaluate = parse(composed, Evaluate)
    if (config.run is None) == (config.samples is None):
        raise UserError("name what to evaluate: run=outputs/…, a run's folder, or samples=FILE.npz and data=…")
    if config.samples is not None and config.data is None:
        raise UserError(f"samples={config.samples} needs the real pictures to compare with: add data=mnist, or another")

    if config.gan_train and (config.samples is not None or config.protocol == "official"):
        raise UserError("gan_train=true is for a run and protocol=in_domain: leave it out")
    if config.out is not None and not config.out.endswith(".json"):
        raise UserError(f"out={config.out}: the figures are a .json file; type out={config.out}.json")
    out = command.writable(Path(config.out)) if config.out is not None else None

    # Torch takes seconds to import; a mistake should be told before.
    import torch

    from ganexp import build, evaluation, official
    from ganexp.data.samples import read_samples
    from ganexp.runs import Run

    device = ("cuda" if torch.cuda.is_available() else "cpu") if config.device == "auto" else config.device
    if not {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}[device]:
        raise UserError(f"device={device}: there is none on this machine; type device=cpu")
    run = Run.open(config.run) if config.run is not None else None
    data = build.dataset(config.data or run.config.data)  # type: ignore[union-attr]
    if config.protocol == "official":
        result = official.evaluate(run, config.samples, data, config.checkpoint, config.weights, config.seed, device)
    else:
        protocol = evaluation.Protocol(data, data.load(), device)
        if run is not None:
            result = evaluation.of_run(
                run, protocol, config.checkpoint, config.weights, config.n, config.seed, config.gan_train
            )
            evaluation.conclude(run, result, protocol)
        else:
            images, labels = read_samples(Path(str(config.samples)), config.n, protocol.pictures.shape)
            result = evaluation.of_pictures(images, labels, protocol)
    log.info("%s", evaluation.table(result))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(out, json.dumps(result, indent=2) + "\n")
        log.info("All of it is in %s", out)


def expand(read: Arguments) -> Arguments:
    """If keys of `data` are typed beside `run=RUN` and no `data=…` is, RUN's own data comes before them.

    UserError for several evaluations that would write one file.
    """
    if read.multirun and "out" in (typed.key_or_group for typed in read.overrides):
        raise UserError("out= is one file, and -m measures several runs: leave one of them out")
    path, keys = read.value("run"), [typed.key_or_group for typed in read.overrides]
    if path is None or "data" in keys or not any(key.startswith("data.") for key in keys):
        return read
    saved = Path(path) / ".hydra" / "config.yaml"
    if not saved.is_file():
        return read  # `Run.open` tells what is wrong with the path.
    data: Any = OmegaConf.to_container(OmegaConf.load(saved), resolve=True)
    return read.around(before=[override(f"++data.{key}", value) for key, value in data["data"].items()])


def main() -> None:
    command.run("evaluate", evaluate, arguments=expand, sweeps=True)


if __name__ == "__main__":
    main()
