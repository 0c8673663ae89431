"""Train a GAN: `python -m ganexp.train model=vanilla`."""

import shlex
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from ganexp import command, resume
from ganexp.config import parse
from ganexp.page import sweep
from ganexp.record import Record


def train(composed: DictConfig) -> None:
    """One run, from a composed configuration to a folder of results."""
    hydra = HydraConfig.get()
    run, overrides = Path(hydra.runtime.output_dir), list(hydra.overrides.task)
    if composed.resume:
        resume.accept(run, composed, overrides)
    record = Record(run / "run.json", resumed=bool(composed.resume))
    typed = shlex.join(["python", "-m", "ganexp.train", *command.config_dir(hydra), *overrides])
    with record.keep(command=typed, seed=composed.seed):
        config = parse(composed)

        # Torch and Lightning take seconds to import; a mistake should be told before.
        from ganexp.fit import fit

        fit(config, overrides, run, record)


def main() -> None:
    with sweep.reported():
        command.run("train", train, arguments=resume.expand)


if __name__ == "__main__":
    main()
