"""Train a GAN: `python -m ganexp.train model=vanilla`, and in Python `ganexp.train("model=vanilla")`."""

from ganexp.processes import interruption

if __name__ == "__main__":
    interruption.leave_at_once()

import gc
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from ganexp import command, resume
from ganexp.config import parse
from ganexp.console.arguments import Arguments, line
from ganexp.errors import UserError, from_system
from ganexp.processes import ranks
from ganexp.run_folder import started
from ganexp.run_folder.folder import RunFolder
from ganexp.run_folder.record import Record, headline
from ganexp.sweeps import plugins, running

if TYPE_CHECKING:
    from ganexp.run import Run

log = logging.getLogger("ganexp")


def train(composed: DictConfig) -> float | None:
    """One run, from a composed configuration to a folder of results.

    In a sweep, a job that was stopped goes on in its folder, and a finished job is left as it is.

    Returns the FID of the final evaluation, for sweepers that search; None if it is missing or not finite.
    """
    hydra = HydraConfig.get()
    folder = RunFolder(Path(hydra.runtime.output_dir))
    overrides = started.from_nothing(started.words(hydra.overrides.task))
    in_sweep = hydra.mode == RunMode.MULTIRUN
    with interruption.listening(), folder.locked():
        before = folder.known_record()
        if in_sweep and before.get("status") == "finished":
            log.info("%s is finished already", folder)
            return headline(before)
        if not in_sweep and not composed.get("resume"):
            resume.refuse_second_run(folder)
        goes_on = bool(composed.get("resume")) or folder.has_checkpoint()
        if not goes_on:
            folder.clear()
        checkpoint = resume.accept(folder, composed, overrides) if goes_on else None
        if not goes_on and hydra.output_subdir is None:
            started.keep(folder, composed, hydra, overrides)
        record = Record(folder, resumed=goes_on)
        with record.keep(command=line("train", *overrides, flags=started.flags(hydra))):
            config = parse(composed)
            record.write(seed=config.seed)
            each, size = ranks.asked(config.trainer), config.data.get("batch_size")
            if each != "auto" and isinstance(size, int):  # The dataset itself refuses what is no number.
                ranks.check_shares(size, each * config.trainer.num_nodes)

            try:
                # Torch and Lightning take seconds to import, so mistakes in the configuration are reported first.
                with interruption.held_back():
                    from ganexp.fit import fit

                fit(config, overrides, folder, record, checkpoint)
            except KeyboardInterrupt as interrupt:
                raise _told(interrupt, folder, record) from None
            except OSError as error:
                refused = from_system(error, str(folder))
                if refused is None:
                    raise
                raise UserError(f"{refused}. {_again(folder, record)}") from None
    # The networks and pictures of a run refer to each other in circles, and Python seldom looks for circles. Without
    # this call, each job of a sweep would keep some 200 MB.
    gc.collect()
    return headline(record.contents)


def _told(interrupt: KeyboardInterrupt, folder: RunFolder, record: Record) -> interruption.Interrupted:
    """Log what is saved and how to go on. Returns the interruption that ends the command."""
    name, state = str(interrupt) or "SIGINT", getattr(interrupt, "state", "stopped")
    log.warning("%s: %s. %s", name, state, _again(folder, record))
    return interruption.Interrupted(name, state, told=True)


def _again(folder: RunFolder, record: Record) -> str:
    """What to type after a run ended early."""
    if folder.has_checkpoint():
        return f"To go on: {folder.resume}"
    return f"Nothing was saved yet, start again: {record.contents['command']}"


def prepare(read: Arguments) -> Arguments:
    """The command line as Hydra gets it.

    UserError for an experiment without `-m`, and for a sweep that is started several times at once.
    """
    for typed in read.overrides:
        if typed.key_or_group == "experiment" and (not typed.is_add() or typed.is_sweep_override()):
            raise UserError(f"{typed.input_line}: type one experiment, with -m and +: -m +experiment=NAME")
        if typed.key_or_group == "experiment" and not read.multirun:
            raise UserError(f"{typed.input_line}: an experiment is a sweep: put -m before it")
    started_by = ranks.starter()
    if read.multirun and started_by is not None:
        raise UserError(
            f"-m: {started_by.name} started {started_by.processes} processes, and a sweep is started once; leave "
            f"{started_by.name} out, and type trainer.devices=… for the processes of each job"
        )
    return plugins.with_presets(resume.expand(read))


def main() -> None:
    if ranks.rank() > 0:
        from ganexp.follower import follow

        follow()
    try:
        with running.reported():
            command.run("train", train, arguments=prepare, sweeps=True)
    except running.JobsLeft:
        sys.exit(1)
    finally:
        if ranks.starter() is not None:
            from ganexp.processes.strategy import dismiss

            dismiss()


class _Function(ModuleType):
    """`ganexp.train` has to be a module for `python -m ganexp.train`, and is called like a function in Python."""

    def __call__(self, *words: str) -> "Run":
        """Train one GAN, and open its run. words: what stands behind `python -m ganexp.train`."""
        from ganexp.interactive import calls

        return calls.train(*words)


if __name__ == "__main__":
    main()
else:
    sys.modules[__name__].__class__ = _Function
