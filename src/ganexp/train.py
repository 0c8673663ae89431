"""Train a GAN: `python -m ganexp.train model=vanilla`."""

import logging
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from ganexp import command, ranks, resume
from ganexp.arguments import Arguments, line
from ganexp.config import parse
from ganexp.errors import UserError
from ganexp.folder import RunFolder
from ganexp.page import sweep
from ganexp.record import Record, headline

log = logging.getLogger("ganexp")


def train(composed: DictConfig) -> float | None:
    """One run, from a composed configuration to a folder of results.

    In a folder where a job of a sweep was stopped, the job goes on; a finished job is left as it is. The FID of the
    final evaluation, for sweepers that search; None if nothing was measured.
    """
    hydra = HydraConfig.get()
    folder, overrides = RunFolder(Path(hydra.runtime.output_dir)), from_nothing(list(hydra.overrides.task))
    in_sweep = hydra.mode == RunMode.MULTIRUN
    with folder.locked():
        before = folder.known_record()
        if in_sweep and before.get("status") == "finished":
            log.info("%s is finished already", folder)
            return headline(before)
        if before and not in_sweep and not composed.get("resume"):
            resume.refuse_second_run(folder)
        goes_on = bool(composed.get("resume")) or folder.has_checkpoint()
        checkpoint = resume.accept(folder, composed, overrides) if goes_on else None
        record = Record(folder, resumed=goes_on)
        with record.keep(command=line("train", *overrides, flags=command.config_dir(hydra))):
            config = parse(composed)
            record.write(seed=config.seed)
            each, size = ranks.asked(config.trainer), config.data.get("batch_size")
            if each != "auto" and isinstance(size, int):  # The dataset itself refuses what is no number.
                ranks.check_shares(size, each * config.trainer.num_nodes)
            log.info("Run folder: %s", folder)

            # Torch and Lightning take seconds to import, so mistakes in the configuration are told before.
            from ganexp.fit import fit

            fit(config, overrides, folder, record, checkpoint)
    return headline(record.contents)


def from_nothing(overrides: list[str]) -> list[str]:
    """The words that make the same run from nothing: without `resume=`, and the last word for each key."""
    last = {typed.partition("=")[0]: typed for typed in overrides}
    return [typed for key, typed in last.items() if key != "resume"]


def arguments(read: Arguments) -> Arguments:
    """The command line of the run. UserError for a sweep that is started several times at once."""
    started_by = ranks.launcher()
    if read.multirun and started_by is not None:
        raise UserError(
            f"-m: {started_by.name} started {started_by.processes} processes, and a sweep is started once; leave "
            f"{started_by.name} out, and type trainer.devices=… for the processes of each job"
        )
    return resume.expand(read)


def main() -> None:
    if ranks.rank() > 0:
        from ganexp.follower import follow

        follow()
    try:
        with sweep.reported():
            command.run("train", train, arguments=arguments, sweeps=True)
    finally:
        if ranks.launcher() is not None:
            from ganexp.strategy import dismiss

            dismiss()


if __name__ == "__main__":
    main()
