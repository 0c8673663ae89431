"""Resuming a sweep, in its own folder: the jobs that did not finish run again, and the others stay as they are."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp.console.arguments import Arguments, override
from ganexp.errors import UserError
from ganexp.run_folder import changes, started
from ganexp.sweeps import plugins
from ganexp.sweeps.sweep_folder import SweepFolder


def expand(read: Arguments, path: Path) -> Arguments:
    """The command line that starts the jobs of a sweep again, in their folders. `train` then skips finished jobs.

    The sweep keeps its launcher unless another one is typed.
    """
    folder = SweepFolder(path)
    if not folder.start.is_file():
        raise UserError(
            f"resume={path}: not a sweep's folder, it has no {folder.start.name}; leave -m out to resume a run"
        )
    saved = folder.read_start()
    running = next((job for job in folder.jobs() if job.is_locked(if_unknown=False)), None)
    if running is not None:
        raise UserError(f"resume={path}: {running.path.name} is still running; wait for its end, or stop it")
    own = _without_resume(saved)
    typed = [str(word.input_line) for word in read.overrides if word.key_or_group != "resume"]
    changed = [word for word in typed if word not in own and not word.startswith("hydra")]
    if changed:
        raise UserError(
            f"{changed[0]}: the sweep was started with {' '.join(own) or 'nothing'}, and goes on as it was; leave "
            f"{changed[0].partition('=')[0]} out, or start a new sweep"
        )
    dropped = ["hydra.mode=", "hydra.sweep.dir=", "hydra.output_subdir=", "+hydra/presets/"]
    dropped += ["hydra.job_logging.root=", "hydra.hydra_logging.root="]  # A call from Python added them.
    if any(word.startswith("hydra/launcher=") for word in typed):
        dropped += ["hydra/launcher=", "hydra.launcher."]
    on_hydra = [word for word in started.words(saved.hydra.overrides.hydra) if not word.startswith(tuple(dropped))]
    # Hydra would write a job's `.hydra` again before `resume.accept` has compared the configurations.
    after = [override("hydra.sweep.dir", str(path)), "hydra.output_subdir=null", "resume=null"]
    if saved.hydra.sweeper._target_.endswith("OptunaSweeper"):
        plugins.require_plugin("sweeper", "optuna")
        from ganexp.sweeps import study

        after += study.reopen(path, saved, trials=read.value("hydra.sweeper.n_trials"))
    flags = [] if read.config_dir else started.flags(saved.hydra)
    return read.around([*own, *on_hydra], after, flags)


def refuse_changed(folder: SweepFolder, config: DictConfig) -> None:
    """UserError, with the key that differs, if another sweep than that of `config` has jobs in `folder`."""
    if not folder.start.is_file() or not folder.jobs():
        return
    saved = folder.read_start()
    own = _without_resume(saved)
    if own != _without_resume(config):
        raise UserError(
            f"hydra.sweep.dir={folder.path}: there is a sweep already, started with {' '.join(own) or 'nothing'}; to "
            f"go on with it, type {folder.resume}, or name another folder"
        )
    before: Any = OmegaConf.to_container(saved, resolve=False)
    now: Any = OmegaConf.to_container(config, resolve=False)
    old_params, new_params = (sweep.pop("hydra")["sweeper"].get("params") or {} for sweep in (before, now))
    for key, old, new in [*changes.differences(old_params, new_params), *changes.forbidden(before, now)]:
        raise UserError(
            f"{key}={new}: the sweep in {folder.path} was started with {key}={old}, and goes on as it was; "
            f"bring {key}={old} back in the YAML files, or start a new sweep"
        )


def _without_resume(saved: Any) -> list[str]:
    """The overrides that a sweep was started with, except those of Hydra's own keys and `resume=`."""
    return [word for word in started.words(saved.hydra.overrides.task) if not word.startswith("resume=")]
