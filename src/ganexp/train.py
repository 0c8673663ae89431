"""Train a GAN: `python -m ganexp.train model=vanilla`."""

import shlex
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from ganexp import command, resume
from ganexp.config import parse
from ganexp.folder import RunFolder
from ganexp.page import sweep
from ganexp.record import Record


def train(composed: DictConfig) -> None:
    """One run, from a composed configuration to a folder of results."""
    hydra = HydraConfig.get()
    folder, overrides = RunFolder(Path(hydra.runtime.output_dir)), list(hydra.overrides.task)
    with folder.locked():
        checkpoint = resume.accept(folder, composed, overrides) if composed.resume else None
        record = Record(folder, resumed=checkpoint is not None)
        typed = shlex.join(["python", "-m", "ganexp.train", *command.config_dir(hydra), *overrides])
        with record.keep(command=typed, seed=composed.seed):
            config = parse(composed)

            # Torch and Lightning take seconds to import, so mistakes in the configuration are told before.
            from ganexp.fit import fit

            fit(config, overrides, folder, record, checkpoint)


def main() -> None:
    with sweep.reported():
        command.run("train", train, arguments=resume.expand)


if __name__ == "__main__":
    main()
