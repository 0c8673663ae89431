"""What the runs of a cell reached: a file of `docs/results`."""

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganexp.evaluation import Card, differences
from ganexp.files.whole import write_whole

DOCS = Path(__file__).parents[2] / "docs"

WEIGHTS = ("ema", "raw")


@dataclass(frozen=True)
class Trained:
    """One run.

    cpu_seconds: the CPU time of its iterations; None if it did not run on a CPU. checkpoint, step: what was measured.
    metrics, noise: by weights, `ema` and `raw`, and then by name. curve: iteration and FID of each evaluation while it
    trained.
    """

    seed: int
    iterations: int
    cpu_seconds: float | None
    device: str
    versions: dict[str, str]
    checkpoint: str
    step: int
    metrics: dict[str, dict[str, float]]
    noise: dict[str, dict[str, float]]
    curve: list[tuple[int, float]]


@dataclass(frozen=True)
class Result:
    """All runs of a cell, in the order of their seeds.

    command: what to type to train these runs. settings: as they were composed. card: how all runs were measured,
    without the weights. floors: the metrics of real pictures. training: the number of samples of an evaluation while a
    run trains, and the FID of as many real pictures.
    """

    command: str
    settings: dict[str, Any]
    card: dict[str, Any]
    floors: dict[str, float]
    training: dict[str, float]
    runs: list[Trained] = field(default_factory=list)

    @property
    def headline(self) -> str:
        """The metric that ranks rows: the Fréchet distance from the training pictures, by the card's evaluator."""
        return f"fid_{self.card['evaluator']}"

    def values(self, metric: str, weights: str) -> list[float]:
        """One value for each seed; empty if a run has none."""
        found = [run.metrics.get(weights, {}).get(metric) for run in self.runs]
        return [value for value in found if value is not None] if None not in found else []

    def noise(self, metric: str, weights: str) -> float:
        """The standard deviation of one measurement; the largest of the runs."""
        return max((run.noise.get(weights, {}).get(metric, 0.0) for run in self.runs), default=0.0)

    @property
    def cpu_minutes(self) -> list[float]:
        """One value for each seed; empty if a run was not on a CPU."""
        found = [run.cpu_seconds for run in self.runs]
        return [seconds / 60 for seconds in found if seconds is not None] if None not in found else []

    @property
    def minutes_per_iteration(self) -> float:
        """CPU-minutes of the run that other work of the machine disturbed least; infinite if a run was not on a CPU."""
        found = [run.cpu_seconds / 60 / run.iterations for run in self.runs if run.cpu_seconds is not None]
        return min(found) if len(found) == len(self.runs) else math.inf

    @property
    def median(self) -> Trained:
        """The run in the middle by its headline; the better one of two."""
        ranked = sorted(self.runs, key=lambda run: run.metrics[self.ranking][self.headline])
        return ranked[(len(ranked) - 1) // 2]

    @property
    def ranking(self) -> str:
        """The weights that rank rows: `ema`, or `raw` for runs without an average."""
        return next(weights for weights in WEIGHTS if weights in self.runs[0].metrics)

    @property
    def scores(self) -> list[float]:
        """The headline of each seed."""
        return self.values(self.headline, self.ranking)

    def joined(self, other: "Result") -> "Result":
        """The runs of both; those of `other` replace runs of the same seeds. ValueError if the cards differ."""
        found = differences(Card.from_json(self.card), Card.from_json(other.card))
        if found:
            raise ValueError(found[0])
        runs = {run.seed: run for run in (*self.runs, *other.runs)}
        return dataclasses.replace(other, runs=[runs[seed] for seed in sorted(runs)])

    def write(self, name: str, docs: Path = DOCS) -> None:
        fields = dataclasses.asdict(self)
        runs = ",\n  ".join(json.dumps(run) for run in fields.pop("runs"))
        text = json.dumps(fields, indent=1).removesuffix("\n}")
        write_whole(docs / "results" / f"{name}.json", f'{text},\n "runs": [\n  {runs}\n ]\n}}\n')


def read(name: str, docs: Path = DOCS) -> Result | None:
    """What the file of a cell says; None if there is none yet."""
    path = docs / "results" / f"{name}.json"
    if not path.is_file():
        return None
    fields = json.loads(path.read_text(encoding="utf-8"))
    runs = [Trained(**run | {"curve": [(step, fid) for step, fid in run["curve"]]}) for run in fields.pop("runs")]
    return Result(**fields, runs=runs)
