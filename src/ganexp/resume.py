"""Resuming a run, in its own folder, as if it had never stopped."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ganexp.command import around, config_dir
from ganexp.config import INERT, Config, parse, within
from ganexp.errors import UserError
from ganexp.folder import RunFolder, write_whole

log = logging.getLogger("ganexp")

FREE = (*INERT, "trainer.max_steps", "evaluation", "data.evaluator", "data.root")
"""Keys, or sections, that may differ from the run's own. They change nothing of what is learned, except `max_steps`
where learning rates fall towards it. `data.root` may name another place, because the pictures' hash is compared."""


def expand(arguments: list[str]) -> list[str]:
    """Put before `resume=RUN` the words that RUN was started with. Words that were typed come later and win.

    The run's `.hydra` stays as it is until `accept` has compared the configurations.
    """
    path = next((a.partition("=")[2].strip("'\"") for a in arguments if a.startswith("resume=")), "")
    if path in ("", "null"):
        if "resume=" in arguments:
            raise UserError("resume= names no folder: type resume=outputs/…, a run's folder")
        return arguments
    if {"-m", "--multirun"} & set(arguments):
        raise UserError(f"resume={path} goes on with one run, and -m starts several: leave one of them out")
    folder = RunFolder(Path(path))
    if not folder.last.is_file() and not folder.numbered_checkpoints():
        raise UserError(f"resume={path}: no checkpoint in {folder.checkpoints}; name a run's folder, such as outputs/…")
    saved = [str(override) for override in load(folder.overrides)]
    own = [override for override in saved if not override.startswith("resume=")]
    try:
        options = config_dir(load(folder.hydra).hydra)
    except (OmegaConfBaseException, TypeError):
        raise UserError(
            f"resume={path}: {folder.hydra} does not say how the run was started; start a new run"
        ) from None
    if not any(a.startswith("--config-dir") for a in arguments):
        arguments = [*options, *arguments]
    return around(arguments, own, [f"hydra.run.dir='{path}'", "hydra.output_subdir=null"])


def load(path: Path) -> Any:
    """A YAML file of a run's `.hydra`; UserError if it is missing or damaged."""
    try:
        loaded = OmegaConf.load(path)
    except (OSError, ValueError, YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: it says how the run was started, and cannot be read ({reason})") from None
    return loaded


def accept(folder: RunFolder, composed: DictConfig, overrides: list[str]) -> Path:
    """The checkpoint to go on from.

    UserError, with the key, if `composed` would train nothing, or something else than the run did. Only if not, the
    run's `.hydra` is brought up to date, and its evaluations after the checkpoint are forgotten.
    """
    config: Config = parse(composed)
    before: Any = OmegaConf.to_container(load(folder.config), resolve=True)
    now: Any = OmegaConf.to_container(composed, resolve=True)
    for key, old, new in _differences(before, now, ""):
        if not within(key, FREE):
            raise UserError(
                f"{key}={new}: the run was started with {key}={old}, and a resumed run goes on as it was; "
                f"leave {key} out, or start a new run without resume="
            )

    # Torch takes seconds to import, so mistakes in the configuration are told before.
    from ganexp import build, checkpoints

    try:
        record = folder.read_record()
    except (OSError, ValueError):
        record = {}
        log.warning("%s is missing or damaged, and is written anew", folder.record)
    checkpoint = checkpoints.newest_whole(folder)
    if checkpoint != folder.last:
        log.warning("%s is missing or damaged; the run goes on from %s", folder.last, checkpoint)
    done = checkpoints.read(checkpoint)["global_step"]
    # A run that was stopped at its end may still lack its last evaluation.
    if done > config.trainer.max_steps or (done == config.trainer.max_steps and record.get("status") == "finished"):
        raise UserError(
            f"resume={folder.path}: its {done} iterations are done; to go further, "
            f"add trainer.max_steps={2 * done} or any other number above"
        )
    known = record.get("data", {}).get("sha256")
    if known is not None and build.dataset(config.data).load().sha256() != known:
        raise UserError(
            f"resume={folder.path}: data are not the pictures that it was started with, and a resumed run goes on as "
            "it was; bring them back, or start a new run without resume="
        )
    if config.train.decay_from < 1 and config.trainer.max_steps != before["trainer"]["max_steps"]:
        log.warning(
            "train.decay_from=%s: learning rates fall towards trainer.max_steps, which was %d. From here on they are "
            "those of a run of %d",
            config.train.decay_from,
            before["trainer"]["max_steps"],
            config.trainer.max_steps,
        )
    write_whole(folder.config, OmegaConf.to_yaml(composed))
    write_whole(folder.overrides, OmegaConf.to_yaml(OmegaConf.create(overrides)))
    folder.rewind(done)
    log.info("Resuming at iteration %d of %d", done, config.trainer.max_steps)
    return checkpoint


def _differences(before: Any, now: Any, key: str) -> Iterator[tuple[str, Any, Any]]:
    """The leaves that differ: key, old value, new value."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in {**before, **now}:
            yield from _differences(before.get(name), now.get(name), f"{key}.{name}" if key else name)
    elif before != now:
        yield key, before, now
