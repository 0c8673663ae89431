"""Resuming a run, in its own folder, as if it had never stopped."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ganexp import interruption
from ganexp.arguments import Arguments, line, override
from ganexp.command import config_dir
from ganexp.config import INERT, Config, parse, within
from ganexp.errors import UserError
from ganexp.folder import RunFolder, write_whole

log = logging.getLogger("ganexp")

FREE = (*INERT, "trainer.max_steps", "evaluation", "data.evaluator", "data.root")
"""Keys and sections that may differ from the run's own, because they change nothing that the run learns. Two are
special: `max_steps` changes the learning rates if they fall, and another `data.root` must hold the same pictures."""


SWEEP = "multirun.yaml"
"""The file in a sweep's folder that says how the sweep was started."""


def expand(read: Arguments) -> Arguments:
    """Add the overrides that RUN was started with to `resume=RUN` or `fork=RUN`.

    Typed overrides come later and win. With `-m`, `resume` names the folder of a sweep. The run's `.hydra` does not
    change before `accept` has compared the configurations.
    """
    path, parent, new = read.text("resume"), read.text("fork"), read.text("hydra.run.dir")
    if "" in (path, parent):
        key = "resume" if path == "" else "fork"
        raise UserError(f"{key}= names no folder: type {key}=outputs/…, a run's folder")
    if path is not None and read.multirun:
        return _expand_sweep(read, Path(path))
    if path is not None:
        folder = RunFolder(Path(path))
        own, flags = _started_with(folder, "resume", read)
        return read.around(own, [override("hydra.run.dir", path), "hydra.output_subdir=null"], flags)
    if new is not None and RunFolder(Path(new)).holds_a_run():
        refuse_second_run(RunFolder(Path(new)))
    if parent is not None:
        own, flags = _started_with(RunFolder(Path(parent)), "fork", read)
        return read.around(own, flags=flags)
    return read


def lasting(overrides: Any) -> list[str]:
    """The overrides that make a run what it is: without its sweep's experiment, and without `resume=`."""
    return [typed for typed in words(overrides) if typed.partition("=")[0] not in ("+experiment", "resume")]


def words(overrides: Any) -> list[str]:
    """Overrides as they were typed. A list of OmegaConf would resolve `${…}` in them."""
    plain: Any = OmegaConf.to_container(overrides, resolve=False) if OmegaConf.is_config(overrides) else overrides
    return [str(word) for word in plain]


def refuse_second_run(folder: RunFolder) -> None:
    """UserError: two runs in one folder would mix their files."""
    raise UserError(
        f"hydra.run.dir={folder}: there is a run already; to go on with it, type "
        f"{folder.resume}, else name another folder"
    )


def _started_with(folder: RunFolder, key: str, read: Arguments) -> tuple[list[str], list[str]]:
    """The overrides and the flags that a run was started with. UserError if the run's folder does not tell them."""
    if not folder.has_checkpoint():
        raise UserError(
            f"{key}={folder.path}: no checkpoint in {folder.checkpoints}; name a run's folder, such as outputs/…"
        )
    own = lasting(load(folder.overrides))
    if key == "fork":
        own = [typed for typed in own if typed.partition("=")[0] not in ("fork", "at", "start")]
    return own, _flags(folder.hydra, f"{key}={folder.path}", read)


def _expand_sweep(read: Arguments, folder: Path) -> Arguments:
    """The command line that starts the jobs of a sweep again, in their folders. `train` then skips finished jobs.

    The sweep keeps its launcher unless another one is typed.
    """
    if not (folder / SWEEP).is_file():
        raise UserError(f"resume={folder}: no sweep's folder, it has no {SWEEP}; leave -m out to resume a run")
    saved = load_sweep(folder)
    running = next((run for run in folder.rglob("run.json") if RunFolder(run.parent).is_locked()), None)
    if running is not None:
        raise UserError(f"resume={folder}: {running.parent.name} is still running; wait for its end, or stop it")
    own = _without_resume(saved)
    typed = [str(word.input_line) for word in read.overrides if word.key_or_group != "resume"]
    changed = [word for word in typed if word not in own and not word.startswith("hydra")]
    if changed:
        raise UserError(
            f"{changed[0]}: the sweep was started with {' '.join(own) or 'nothing'}, and goes on as it was; leave "
            f"{changed[0].partition('=')[0]} out, or start a new sweep"
        )
    dropped = ["hydra.mode=", "hydra.sweep.dir=", "hydra.output_subdir=", "+hydra/presets/"]
    if any(word.startswith("hydra/launcher=") for word in typed):
        dropped += ["hydra/launcher=", "hydra.launcher."]
    on_hydra = [word for word in words(saved.hydra.overrides.hydra) if not word.startswith(tuple(dropped))]
    # Hydra would write a job's `.hydra` again before `accept` has compared the configurations.
    after = [override("hydra.sweep.dir", str(folder)), "hydra.output_subdir=null", "resume=null"]
    if saved.hydra.sweeper._target_.endswith("OptunaSweeper"):
        from ganexp import study

        after += study.reopen(folder, saved, trials=read.value("hydra.sweeper.n_trials"))
    flags = [] if read.config_dir else config_dir(saved.hydra)
    return read.around([*own, *on_hydra], after, flags)


def _without_resume(saved: Any) -> list[str]:
    """The overrides that a sweep was started with. Overrides of Hydra's own keys are left out."""
    return [word for word in words(saved.hydra.overrides.task) if not word.startswith("resume=")]


def refuse_changed_sweep(folder: Path, config: DictConfig) -> None:
    """UserError, with the key that differs, if another sweep than that of `config` has jobs in `folder`."""
    if not (folder / SWEEP).is_file() or not any(folder.rglob("run.json")):
        return
    saved = load_sweep(folder)
    own = _without_resume(saved)
    if own != _without_resume(config):
        raise UserError(
            f"hydra.sweep.dir={folder}: there is a sweep already, started with {' '.join(own) or 'nothing'}; to go on "
            f"with it, type {line('train', override('resume', str(folder)), flags=['-m'])}, else name another folder"
        )
    before: Any = OmegaConf.to_container(saved, resolve=False)
    now: Any = OmegaConf.to_container(config, resolve=False)
    old_params, new_params = (sweep.pop("hydra")["sweeper"].get("params") or {} for sweep in (before, now))
    different = [
        *differences(old_params, new_params, ""),
        *(found for found in differences(before, now, "") if not within(found[0], FREE)),
    ]
    for key, old, new in different:
        raise UserError(
            f"{key}={new}: the sweep in {folder} was started with {key}={old}, and goes on as it was; bring "
            f"{key} back, or start a new sweep"
        )


def load_sweep(folder: Path) -> Any:
    """The configuration that the sweep in `folder` was started with. UserError if it is missing or damaged."""
    saved = load(folder / SWEEP)
    if not saved or not saved.get("hydra"):
        raise UserError(f"{folder / SWEEP}: it says how the sweep was started, and is damaged; start a new sweep")
    return saved


def _flags(saved: Path, typed: str, read: Arguments) -> list[str]:
    """The flags in a file of Hydra's configuration; UserError, with what was typed, if the file does not hold one."""
    try:
        flags = config_dir(load(saved).hydra)
    except (OmegaConfBaseException, TypeError):
        raise UserError(f"{typed}: {saved} does not say how it was started; start anew, without resume=") from None
    return [] if read.config_dir else flags


def load(path: Path) -> Any:
    """A YAML file that Hydra wrote for a run or a sweep. UserError if the file is missing or damaged."""
    try:
        loaded = OmegaConf.load(path)
    except (OSError, ValueError, YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: it says how the run was started, and cannot be read ({reason})") from None
    return loaded


def accept(folder: RunFolder, composed: DictConfig, overrides: list[str]) -> Path:
    """The checkpoint to go on from.

    UserError, with the key, if `composed` would train nothing, or something else than the run did. Otherwise the run's
    `.hydra` is brought up to date, and evaluations after the checkpoint are forgotten.
    """
    config: Config = parse(composed)
    before: Any = OmegaConf.to_container(load(folder.config), resolve=True)
    now: Any = OmegaConf.to_container(composed, resolve=True)
    for key, old, new in differences(before, now, ""):
        if not within(key, FREE):
            raise UserError(
                f"{key}={new}: the run was started with {key}={old}, and a resumed run goes on as it was; "
                f"leave {key} out, or start a new run without resume="
            )

    # Torch takes seconds to import, so mistakes in the configuration are told before.
    with interruption.held_back():
        from ganexp import build, checkpoints

    record = folder.known_record()
    if not record:
        log.warning("%s is missing or damaged, and is written anew", folder.record)
    checkpoint = checkpoints.newest_whole(folder)
    if checkpoint != folder.last:
        log.warning("The run goes on from %s", checkpoint)
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
    log.info("Resuming at iteration %s of %s", f"{done:,}", f"{config.trainer.max_steps:,}")
    return checkpoint


def differences(before: Any, now: Any, key: str) -> Iterator[tuple[str, Any, Any]]:
    """The leaves that differ: key, old value, new value."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in {**before, **now}:
            yield from differences(before.get(name), now.get(name), f"{key}.{name}" if key else name)
    elif before != now:
        yield key, before, now
