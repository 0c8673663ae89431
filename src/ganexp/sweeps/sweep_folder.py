"""A sweep's folder: how the sweep was started, its jobs, and which of them did not finish."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from ganexp.console.arguments import line, override
from ganexp.errors import UserError
from ganexp.files.whole import from_here
from ganexp.run_folder import find, started
from ganexp.run_folder.folder import RunFolder


@dataclass(frozen=True)
class SweepFolder:
    """path: the folder. The jobs' own folders may lie at any depth below it."""

    path: Path

    @property
    def start(self) -> Path:
        """The configuration that the sweep was started with."""
        return self.path / "multirun.yaml"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def resume(self) -> str:
        """The command that goes on with the sweep."""
        return line("train", override("resume", str(from_here(self.path))), flags=["-m"])

    def jobs(self) -> list[RunFolder]:
        """The jobs that began, in the order of their folders' names."""
        return [folder for folder in find.runs(self.path) if folder.record.is_file()]

    def read_start(self) -> Any:
        """The contents of `start`. UserError if the file is missing or damaged."""
        saved = started.read(self.start)
        if not saved or not saved.get("hydra"):
            raise UserError(f"{self.start}: the file says how the sweep was started, and is damaged; start a new sweep")
        return saved

    def planned(self) -> list[list[str]]:
        """The overrides of each job; none for a sweeper that chooses its jobs as it goes."""
        saved = self.read_start()
        if not saved.hydra.sweeper._target_.endswith("BasicSweeper"):
            return []
        sweeper: Any = OmegaConf.to_container(saved.hydra.sweeper, resolve=False)
        words = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
        return product([*words, *started.lasting(saved.hydra.overrides.task)])

    def unfinished(self) -> list[tuple[str, str]]:
        """The jobs that did not finish: the name of each, and why it did not."""
        jobs, left = self.jobs(), []
        for job in jobs:
            record = job.known_record()
            status = record.get("status", "unknown")
            if status != "finished":
                why = str(record.get("why", "")).partition("\n")[0]
                left.append((str(job.path.relative_to(self.path)), f"{status}: {why}" if why else status))
        begun = {frozenset(started.lasting(started.glance(job.overrides) or [])) for job in jobs}
        never = [words for words in self.planned() if frozenset(words) not in begun]
        return left + [(" ".join(words), "never started") for words in never]


def product(overrides: list[str]) -> list[list[str]]:
    """The overrides of each job that Hydra's own sweeper makes of a command line."""
    (jobs,) = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(overrides), max_batch_size=None)
    return jobs
