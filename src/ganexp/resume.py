"""Resuming a run, in its own folder, as if it had never stopped."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ganexp.arguments import Arguments, line, override
from ganexp.command import config_dir
from ganexp.config import INERT, Config, parse, within
from ganexp.errors import UserError
from ganexp.folder import RunFolder, write_whole

log = logging.getLogger("ganexp")

FREE = (*INERT, "trainer.max_steps", "evaluation", "data.evaluator", "data.root")
"""Keys, or sections, that may differ from the run's own. They change nothing of what is learned, except `max_steps`
where learning rates fall towards it. `data.root` may name another place, because the pictures' hash is compared."""


def expand(read: Arguments) -> Arguments:
    """Put before `resume=RUN`, or `fork=RUN`, the overrides that RUN was started with.

    Overrides that were typed come later and win. With `-m`, `resume` names a sweep's folder. A run's `.hydra` stays as
    it is until `accept` has compared the configurations.
    """
    path, parent, new = read.value("resume"), read.value("fork"), read.value("hydra.run.dir")
    if "" in (path, parent):
        key = "resume" if path == "" else "fork"
        raise UserError(f"{key}= names no folder: type {key}=outputs/…, a run's folder")
    if path is not None and read.multirun:
        return _expand_sweep(read, Path(path))
    if path is not None:
        folder = RunFolder(Path(path))
        own, flags = _started_with(folder, "resume", read)
        return read.around(own, [override("hydra.run.dir", path), "hydra.output_subdir=null"], flags)
    if isinstance(new, str) and RunFolder(Path(new)).record.is_file():
        refuse_second_run(RunFolder(Path(new)))
    if parent is not None:
        own, flags = _started_with(RunFolder(Path(parent)), "fork", read)
        return read.around(own, flags=flags)
    return read


def refuse_second_run(folder: RunFolder) -> None:
    """UserError: two runs in one folder would mix their files."""
    raise UserError(
        f"hydra.run.dir={folder}: there is a run already; to go on with it, type "
        f"{line('train', override('resume', str(folder)))}, else name another folder"
    )


def _started_with(folder: RunFolder, key: str, read: Arguments) -> tuple[list[str], list[str]]:
    """The overrides, and the flags, that a run was started with. UserError if its folder does not tell."""
    if not folder.has_checkpoint():
        raise UserError(
            f"{key}={folder.path}: no checkpoint in {folder.checkpoints}; name a run's folder, such as outputs/…"
        )
    saved = [str(typed) for typed in load(folder.overrides)]
    own = [typed for typed in saved if typed.partition("=")[0] not in ("resume", "fork", "at", "start")]
    if key == "resume":
        own = [typed for typed in saved if not typed.startswith("resume=")]
    return own, _flags(folder.hydra, f"{key}={folder.path}", read)


def _expand_sweep(read: Arguments, folder: Path) -> Arguments:
    """What starts the jobs of a sweep again, in its folder; `train` then leaves the finished ones as they are."""
    saved = folder / "multirun.yaml"
    if not saved.is_file():
        raise UserError(f"resume={folder}: no sweep's folder, it has no multirun.yaml; leave -m out to resume a run")
    flags = _flags(saved, f"resume={folder}", read)
    own = [str(typed) for typed in load(saved).hydra.overrides.task if not str(typed).startswith("resume=")]
    typed = [str(word.input_line) for word in read.overrides if word.key_or_group != "resume"]
    changed = [word for word in typed if word not in own and not word.startswith("hydra")]
    if changed:
        raise UserError(
            f"{changed[0]}: the sweep was started with {' '.join(own) or 'nothing'}, and goes on as it was; leave "
            f"{changed[0].partition('=')[0]} out, or start a new sweep"
        )
    return read.around(own, [override("hydra.sweep.dir", str(folder)), "resume=null"], flags)


def _flags(saved: Path, typed: str, read: Arguments) -> list[str]:
    """The flags in a file of Hydra's configuration; UserError, with what was typed, if the file does not hold one."""
    try:
        flags = config_dir(load(saved).hydra)
    except (OmegaConfBaseException, TypeError):
        raise UserError(f"{typed}: {saved} does not say how it was started; start anew, without resume=") from None
    return [] if read.config_dir else flags


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

    record = folder.known_record()
    if not record:
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
