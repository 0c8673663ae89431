"""Going on with a run, in its own folder, as if it had never stopped."""

import json
import logging
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp.arguments import Arguments, override
from ganexp.command import config_dir
from ganexp.config import Config, parse
from ganexp.errors import UserError

log = logging.getLogger("ganexp")

FREE = (
    "resume",
    "trainer.max_steps",
    "trainer.log_every_n_steps",
    "checkpoint",
    "samples",
    "evaluation",
    "data.evaluator",
    "logger",
)
"""Keys, or sections, that may differ from the run's own: they do not change what is learned, but for `max_steps`
where learning rates fall towards it."""


def expand(read: Arguments) -> Arguments:
    """Replace `resume=RUN` by the overrides that RUN was started with; what was typed beside it comes later and wins.

    The run's `.hydra` stays as it is until `accept` has found no difference that matters.
    """
    path = read.value("resume")
    if path == "":
        raise UserError("resume= names no folder: type resume=outputs/…, a run's folder")
    if path is None:
        return read
    if read.multirun:
        raise UserError(f"resume={path} goes on with one run, and -m starts several: leave one of them out")
    run = Path(path)
    if not (run / "checkpoints" / "last.ckpt").is_file():
        raise UserError(f"resume={path}: no checkpoints/last.ckpt there; name a run's folder, such as outputs/…")
    if not all((run / ".hydra" / name).is_file() for name in ("config.yaml", "hydra.yaml", "overrides.yaml")):
        raise UserError(f"resume={path}: its folder .hydra, which says how it was started, is missing or not whole")
    saved = [str(o) for o in OmegaConf.load(run / ".hydra" / "overrides.yaml")]
    own = [o for o in saved if not o.startswith("resume=")]
    flags = [] if read.config_dir else config_dir(OmegaConf.load(run / ".hydra" / "hydra.yaml").hydra)
    return read.around(own, [override("hydra.run.dir", path), "hydra.output_subdir=null"], flags)


def accept(run: Path, composed: DictConfig, overrides: list[str]) -> None:
    """Refuse, naming the key, if `composed` would train nothing, or anything else than `run` did.

    Only then is the run's `.hydra` brought up to date.
    """
    config: Config = parse(composed)
    before: Any = OmegaConf.to_container(OmegaConf.load(run / ".hydra" / "config.yaml"), resolve=True)
    now: Any = OmegaConf.to_container(composed, resolve=True)
    for key, old, new in _differences(before, now, ""):
        if not any(key == free or key.startswith(free + ".") for free in FREE):
            raise UserError(
                f"{key}={new}: the run was started with {key}={old}, and a resumed run goes on as it was; "
                f"leave {key} out, or start a new run without resume="
            )

    # Torch takes seconds to import; a mistake should be told before.
    import torch

    from ganexp import build

    record = json.loads((run / "run.json").read_text())
    last = run / "checkpoints" / "last.ckpt"
    done = torch.load(last, weights_only=True, mmap=True, map_location="cpu")["global_step"]
    # A run that was stopped at its end may still lack its last evaluation.
    if done > config.trainer.max_steps or (done == config.trainer.max_steps and record["status"] == "finished"):
        raise UserError(
            f"resume={run}: its {done} iterations are done; to go further, "
            f"add trainer.max_steps={2 * done} or any other number above"
        )
    known = record.get("data", {}).get("sha256")
    if known is not None and build.dataset(config.data).load().sha256() != known:
        raise UserError(
            f"resume={run}: data are not the pictures that it was started with, and a resumed run goes on as it was; "
            "bring them back, or start a new run without resume="
        )
    if config.train.decay_from < 1 and config.trainer.max_steps != before["trainer"]["max_steps"]:
        log.warning(
            "train.decay_from=%s: learning rates fall towards trainer.max_steps, which was %d. From here on they are "
            "those of a run of %d",
            config.train.decay_from,
            before["trainer"]["max_steps"],
            config.trainer.max_steps,
        )
    OmegaConf.save(composed, run / ".hydra" / "config.yaml")
    OmegaConf.save(OmegaConf.create(overrides), run / ".hydra" / "overrides.yaml")


def _differences(before: Any, now: Any, key: str):
    if isinstance(before, dict) and isinstance(now, dict):
        for name in {**before, **now}:
            yield from _differences(before.get(name), now.get(name), f"{key}.{name}" if key else name)
    elif before != now:
        yield key, before, now
