"""Resuming a run, in its own folder, as if it had never stopped."""

import logging
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ganexp.config import Config, parse
from ganexp.console.arguments import Arguments, override
from ganexp.errors import UserError
from ganexp.files.whole import write_whole
from ganexp.processes import interruption
from ganexp.run_folder import changes, started
from ganexp.run_folder.folder import RunFolder
from ganexp.sweeps import resume_sweep

log = logging.getLogger("ganexp")


def expand(read: Arguments) -> Arguments:
    """Add the overrides that RUN was started with to `resume=RUN` or `fork=RUN`.

    Typed overrides come later and win. With `-m`, `resume` names the folder of a sweep. The run's `.hydra` does not
    change before `accept` has compared the configurations.
    """
    path, parent, new = read.text("resume"), read.text("fork"), read.text("hydra.run.dir")
    if "" in (path, parent):
        key = "resume" if path == "" else "fork"
        raise UserError(f"{key}= names no folder: type {key}=outputs/…, a run's folder")
    _refuse_idle_keys(read)
    if path is not None and read.multirun:
        return resume_sweep.expand(read, Path(path))
    if path is not None:
        folder = RunFolder(Path(path))
        own, flags = _started_with(folder, "resume", read)
        return read.around(own, [override("hydra.run.dir", path), "hydra.output_subdir=null"], flags)
    if new is not None:
        folder = RunFolder(Path(new))
        folder.check_free()  # Hydra writes into the folder before the run takes the lock.
        refuse_second_run(folder)
    if parent is not None:
        own, flags = _started_with(RunFolder(Path(parent)), "fork", read)
        return read.around(own, flags=flags)
    return read


def refuse_second_run(folder: RunFolder) -> None:
    """UserError if the folder holds a run: two runs would mix their files."""
    if folder.holds_a_run():
        raise UserError(
            f"hydra.run.dir={folder}: there is a run already; to go on with it, type "
            f"{folder.resume}, or name another folder"
        )


def _refuse_idle_keys(read: Arguments) -> None:
    """UserError for keys of a fork that would change nothing."""
    fork, resumed = read.value("fork"), read.value("resume")
    if resumed is not None and fork is not None:
        raise UserError(f"resume={resumed} and fork={fork}: a run does one of the two; leave the other key out")
    for key in ("at", "start"):
        value = read.value(key)
        if value is not None and fork is None:
            raise UserError(f"{key}={value}: is for a fork; type fork=RUN too, or leave {key}= out")


def _started_with(folder: RunFolder, key: str, read: Arguments) -> tuple[list[str], list[str]]:
    """The overrides and the flags that a run was started with. UserError if the run's folder does not say them."""
    if not folder.has_checkpoint():
        raise UserError(
            f"{key}={folder.path}: no checkpoint in {folder.checkpoints}; name a run's folder, such as outputs/…"
        )
    own = started.lasting(started.read(folder.overrides))
    if key == "fork":
        own = [typed for typed in own if typed.partition("=")[0] not in ("fork", "at", "start")]
    try:
        flags = started.flags(started.read(folder.hydra).hydra)
    except (OmegaConfBaseException, TypeError):
        raise UserError(
            f"{key}={folder.path}: {folder.hydra} does not say how the run was started; start a new run without {key}="
        ) from None
    return own, [] if read.config_dir else flags


def accept(folder: RunFolder, composed: DictConfig, overrides: list[str]) -> Path:
    """The checkpoint to go on from.

    UserError, with the key, if `composed` would train nothing, or something else than the run did. Otherwise the run's
    `.hydra` is brought up to date, and evaluations after the checkpoint are removed.
    """
    config: Config = parse(composed)
    before: Any = OmegaConf.to_container(started.read(folder.config), resolve=True)
    now: Any = OmegaConf.to_container(composed, resolve=True)
    for key, old, new in changes.forbidden(before, now):
        raise UserError(
            f"{key}={new}: the run was started with {key}={old}, and a resumed run goes on as it was; "
            f"type {key}={old}, or start a new run without resume="
        )

    # Torch takes seconds to import, so mistakes in the configuration are reported first.
    with interruption.held_back():
        from ganexp import build
        from ganexp.run_folder import checkpoints

    record = folder.known_record()
    if not record:
        log.warning("%s is missing or damaged, and is written again", folder.record)
    checkpoint = checkpoints.newest_whole(folder)
    if checkpoint != folder.last:
        log.warning("The run goes on from %s", checkpoint)
    done = checkpoints.read(checkpoint)["global_step"]
    # A run that was stopped after its last iteration may still lack its last evaluation.
    if done > config.trainer.max_steps or (done == config.trainer.max_steps and record.get("status") == "finished"):
        raise UserError(
            f"resume={folder.path}: its {done} iterations are done; to go further, "
            f"add trainer.max_steps={2 * done} or another number above {done}"
        )
    known = record.get("data", {}).get("sha256")
    if known is not None and build.dataset(config.data).load().sha256() != known:
        raise UserError(
            f"resume={folder.path}: the pictures are not those that the run was started with, and a resumed run goes "
            "on as it was; bring the old pictures back, or start a new run without resume="
        )
    if config.train.decay_from < 1 and config.trainer.max_steps != before["trainer"]["max_steps"]:
        log.warning(
            "train.decay_from=%s: learning rates fall towards trainer.max_steps, which was %d. From here on they fall "
            "as in a run of %d iterations",
            config.train.decay_from,
            before["trainer"]["max_steps"],
            config.trainer.max_steps,
        )
    write_whole(folder.config, OmegaConf.to_yaml(composed))
    write_whole(folder.overrides, OmegaConf.to_yaml(OmegaConf.create(overrides)))
    folder.rewind(done)
    log.info("Resuming at iteration %s of %s", f"{done:,}", f"{config.trainer.max_steps:,}")
    return checkpoint
