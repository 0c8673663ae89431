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
    resumed = bool(composed.get("resume"))
    if resumed:
        resume.accept(run, composed, overrides)
    record = Record(run / "run.json", resumed=resumed)
    typed = shlex.join(["python", "-m", "ganexp.train", *command.config_dir(hydra), *overrides])
    with record.keep(command=typed):
        config = parse(composed)
        record.write(seed=config.seed)

        # Torch and Lightning take seconds to import, so mistakes are told before.
        from ganexp.fit import fit

        fit(config, overrides, run, record)


def main() -> None:
    with sweep.reported():
        command.run("train", train, arguments=resume.expand, sweeps=True)


if __name__ == "__main__":
    main()
