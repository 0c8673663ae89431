"""Train a GAN: `python -m ganexp.train model=vanilla`."""

import logging
import shlex
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from ganexp import command, resume
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
        if before and not in_sweep and not composed.resume:
            raise UserError(
                f"hydra.run.dir={folder}: there is a run already; to go on with it, type resume={folder}, "
                "or name another folder"
            )
        goes_on = bool(composed.resume) or folder.has_checkpoint()
        log.info("Run folder: %s", folder)
        checkpoint = resume.accept(folder, composed, overrides) if goes_on else None
        record = Record(folder, resumed=goes_on)
        typed = shlex.join(["python", "-m", "ganexp.train", *command.config_dir(hydra), *overrides])
        with record.keep(command=typed, seed=composed.seed):
            config = parse(composed)

            # Torch and Lightning take seconds to import, so mistakes in the configuration are told before.
            from ganexp.fit import fit

            fit(config, overrides, folder, record, checkpoint)
    return headline(record.contents)


def from_nothing(overrides: list[str]) -> list[str]:
    """The words that make the same run from nothing: without `resume=`, and the last word for each key."""
    last = {override.partition("=")[0]: override for override in overrides}
    return [override for key, override in last.items() if key != "resume"]


def main() -> None:
    with sweep.reported():
        command.run("train", train, arguments=resume.expand)


if __name__ == "__main__":
    main()
