"""A search of Optuna that was stopped, opened again."""

import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from ganexp.console.arguments import override
from ganexp.errors import UserError
from ganexp.files.whole import write_whole
from ganexp.sweeps.sweep_folder import SweepFolder

optuna: Any = import_module("optuna")  # Of the extra `optuna`, so a checker of types may not find it.
TrialState = optuna.trial.TrialState


def reopen(folder: Path, saved: Any, trials: int | None) -> list[str]:
    """Prepare a stopped study for its missing trials. The overrides that make these trials.

    Interrupted and failed trials come first, with the same settings, so their runs go on in their folders.

    saved: the configuration that the sweep in `folder` was started with. trials: the number of all trials; None keeps
        the number of `saved`.

    UserError if the study is complete, or was not stored.
    """
    sweeper = saved.hydra.sweeper
    if trials is not None:
        sweeper.n_trials = trials
    begun = OmegaConf.to_yaml(saved)
    saved.hydra.sweep.dir = str(folder)  # The storage is named by this key.
    if sweeper.storage is None:
        raise UserError(f"resume={folder}: the study was not stored (hydra.sweeper.storage=null); start a new one")
    wanted = sweeper.n_trials
    try:
        study = optuna.load_study(study_name=sweeper.study_name, storage=sweeper.storage)
    except KeyError:  # The sweep was stopped before the study began.
        return [override("hydra.sweeper.n_trials", wanted)]
    # A trial that is enqueued and not made yet is waiting, and is not enqueued again.
    waiting = [trial.system_attrs.get("fixed_params") for trial in study.trials if trial.state == TrialState.WAITING]
    complete = [trial.params for trial in study.trials if trial.state == TrialState.COMPLETE]
    for trial in study.trials:
        if trial.state == TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
        if trial.state in (TrialState.RUNNING, TrialState.FAIL) and trial.params not in [*waiting, *complete]:
            with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
                study.enqueue_trial(trial.params)
            waiting.append(trial.params)
    if len(complete) >= wanted:
        raise UserError(
            f"resume={folder}: its {len(complete)} trials are done; for more, add hydra.sweeper.n_trials={2 * wanted}"
        )
    write_whole(SweepFolder(folder).start, begun)  # The next resume then knows the new number.
    words = [override("hydra.sweeper.n_trials", wanted - len(complete))]
    seed = sweeper.sampler.get("seed")
    if seed is not None:  # With the same seed, the sampler would suggest the first trials once more.
        words.append(override("hydra.sweeper.sampler.seed", seed + len(study.trials)))
    return words
