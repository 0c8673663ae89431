"""Train a GAN: `python -m ganexp.train model=vanilla`."""

from ganexp import interruption

if __name__ == "__main__":
    interruption.leave_at_once()

import logging
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from ganexp import command, resume
from ganexp.arguments import line
from ganexp.config import parse
from ganexp.errors import UserError, from_system
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
        if folder.holds_a_run() and not in_sweep and not composed.get("resume"):
            resume.refuse_second_run(folder)
        goes_on = bool(composed.get("resume")) or folder.has_checkpoint()
        if not goes_on:
            folder.clear()
        checkpoint = resume.accept(folder, composed, overrides) if goes_on else None
        record = Record(folder, resumed=goes_on)
        with record.keep(command=line("train", *overrides, flags=command.config_dir(hydra))):
            config = parse(composed)
            record.write(seed=config.seed)
            log.info("Run folder: %s", folder)

            try:
                # Torch and Lightning take seconds to import, so mistakes in the configuration are told before.
                with interruption.held_back():
                    from ganexp.fit import fit

                fit(config, overrides, folder, record, checkpoint)
            except KeyboardInterrupt as interrupt:
                raise _told(interrupt, folder, record) from None
            except OSError as error:
                refused = from_system(error, str(folder))
                if refused is None:
                    raise
                raise UserError(f"{refused}; {_again(folder, record)}") from None
    return headline(record.contents)


def _told(interrupt: KeyboardInterrupt, folder: RunFolder, record: Record) -> interruption.Interrupted:
    """The same, after the log says what is saved and how to go on."""
    name, state = str(interrupt) or "SIGINT", getattr(interrupt, "state", "stopped")
    log.warning("%s: %s; %s", name, state, _again(folder, record))
    return interruption.Interrupted(name, state, told=True)


def _again(folder: RunFolder, record: Record) -> str:
    """What to type after a run ended early."""
    if folder.has_checkpoint():
        return f"to go on, type {folder.resume}"
    return f"nothing was saved yet, start again: {record.contents['command']}"


def from_nothing(overrides: list[str]) -> list[str]:
    """The words that make the same run from nothing: without `resume=`, and the last word for each key."""
    last = {typed.partition("=")[0]: typed for typed in overrides}
    return [typed for key, typed in last.items() if key != "resume"]


def main() -> None:
    with sweep.reported():
        command.run("train", train, arguments=resume.expand, sweeps=True)


if __name__ == "__main__":
    main()
