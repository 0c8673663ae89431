"""Measure a run, or any pictures: `python -m ganexp.evaluate run=outputs/…`."""

from ganexp.processes import interruption

if __name__ == "__main__":
    interruption.leave_at_once()

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Lt
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic.dataclasses import dataclass
from yaml import YAMLError

from ganexp import command
from ganexp.config import parse
from ganexp.console.arguments import Arguments, override
from ganexp.console.out import writable
from ganexp.errors import UserError
from ganexp.evaluation import Evaluation
from ganexp.fields import STRICT
from ganexp.files.whole import write_whole
from ganexp.run_folder import started
from ganexp.run_folder.folder import RunFolder

if TYPE_CHECKING:
    import torch

    from ganexp.run import Run

log = logging.getLogger("ganexp")


@dataclass(frozen=True, config=STRICT)
class Evaluate:
    """run or samples: the pictures that are measured. n: how many."""

    run: str | None
    samples: str | None
    checkpoint: str | None
    weights: Literal["ema", "raw"] | None
    n: Annotated[int, Ge(100)]
    seed: Annotated[int, Ge(0), Lt(2**32)]
    device: Literal["auto", "cpu", "cuda", "mps"]
    protocol: Literal["in_domain", "official"]
    extractor: Literal["inception", "dinov2", "clip"]
    gan_train: bool
    out: str | None
    data: dict[str, Any] | None = None


def evaluate(composed: DictConfig) -> None:
    config: Evaluate = parse(composed, Evaluate)
    if config.run is None and config.samples is None:
        raise UserError("name what to evaluate: run=outputs/…, a run's folder, or samples=FILE.npz and data=…")
    if config.run is not None and config.samples is not None:
        raise UserError(f"run={config.run} and samples={config.samples}: leave one of the two keys out")
    if config.samples is not None and config.data is None:
        raise UserError(f"samples={config.samples} needs the real pictures to compare with: add data=mnist, or another")
    if config.gan_train and (config.samples is not None or config.protocol == "official"):
        raise UserError("gan_train=true is for a run and protocol=in_domain: leave it out")
    if config.extractor != "inception" and config.protocol == "in_domain":
        raise UserError(f"extractor={config.extractor} is for protocol=official: add this, or leave extractor= out")
    if config.out is not None and not config.out.endswith(".json"):
        raise UserError(f"out={config.out}: the metrics are a .json file; type out={config.out}.json")
    out = writable(Path(config.out)) if config.out is not None else None

    # Torch takes seconds to import. Mistakes on the command line are reported first.
    from ganexp import device
    from ganexp.run import Run

    chosen = device.choose(config.device)
    run = Run.open(config.run) if config.run is not None else None
    evaluation = measure(config, run, chosen)
    log.info("%s", evaluation.table())
    if out is not None:
        write_whole(out, json.dumps(evaluation.to_json(), indent=2) + "\n")
        log.info("The metrics and their card are in %s", out)


def measure(config: Evaluate, run: "Run | None", device: "torch.device") -> Evaluation:
    """The evaluation of a run, or of the pictures that `config` names."""
    by = _official if config.protocol == "official" else _in_domain
    return by(config, run, device)


def _in_domain(config: Evaluate, run: "Run | None", device: "torch.device") -> Evaluation:
    from ganexp import build
    from ganexp.data.samples import read_samples
    from ganexp.protocols.in_domain import InDomain

    data = build.dataset(config.data or _data_of(run))
    protocol = InDomain(data, data.load(), device)
    if run is None:
        return protocol.evaluate_pictures(*read_samples(Path(str(config.samples)), config.n, protocol.pictures.shape))
    weights = run.weights(config.weights)
    return protocol.evaluate_run(run, config.checkpoint, weights, config.n, config.seed, config.gan_train)


def _official(config: Evaluate, run: "Run | None", device: "torch.device") -> Evaluation:
    from ganexp import build
    from ganexp.protocols.official import Official

    protocol = Official(build.dataset(config.data or _data_of(run)), device, config.extractor)
    if run is None:
        return protocol.evaluate_pictures(Path(str(config.samples)))
    return protocol.evaluate_run(run, config.checkpoint, run.weights(config.weights), config.seed)


def _data_of(run: "Run | None") -> dict[str, Any]:
    """The data that a run was trained on."""
    assert run is not None, "samples= has been refused without data="
    return run.config.data


def expand(read: Arguments) -> Arguments:
    """If keys of `data` are typed beside `run=RUN` and no `data=…` is, RUN's own data comes before them.

    UserError for several evaluations that would write one file, and for a number of samples that would mean nothing.
    """
    if read.value("protocol") == "official" and read.value("n") is not None:
        raise UserError(f"n={read.value('n')}: protocol=official always takes 50,000 samples; leave n= out")
    if read.multirun and "out" in (typed.key_or_group for typed in read.overrides):
        raise UserError("out= is one file, and -m measures several runs: leave one of them out")
    path = read.value("run") if read.multirun else read.text("run")
    keys = [typed.key_or_group for typed in read.overrides]
    if not isinstance(path, str) or "data" in keys or not any(key.startswith("data.") for key in keys):
        return read
    folder = RunFolder(Path(path))
    if not folder.config.is_file():
        return read  # `Run.open` tells what is wrong with the path.
    try:
        composed: Any = OmegaConf.load(folder.config)
        own: Any = OmegaConf.to_container(composed["data"], resolve=True)
        data = {"second_evaluator": None} | started.data_from_here(own, folder)  # Older folders lack the key.
    except (OSError, ValueError, TypeError, KeyError, YAMLError, OmegaConfBaseException):
        raise UserError(f"run={path}: {folder.config} is damaged; name another run's folder") from None
    return read.around(before=[override(f"++data.{key}", value) for key, value in data.items()])


def main() -> None:
    command.run("evaluate", evaluate, arguments=expand, sweeps=True)


if __name__ == "__main__":
    main()
