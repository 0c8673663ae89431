"""The result of measuring a set of pictures: the metrics, and the card that says how they were measured.

This module imports no torch, so that the report can read evaluations quickly.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Card:
    """How an evaluation was measured. Two scores may be ranked against each other if their cards are equal.

    Only some metrics depend on the last four fields (see `conditions`), so these fields do not make cards unequal.
    Older cards lack them.

    evaluator, reference: names of the network that measured and of the real pictures that were compared with.
    evaluator_sha256, reference_sha256: hashes of the weights and of the real pictures; None for the official protocol.
    samples: how many pictures were measured.
    weights: `ema` or `raw` for a run's generator; `given` for pictures from a file or a folder.
    seed: the seed of the latents; None for given pictures.
    evaluator_knows_data: False if nothing shows that the evaluator recognises the classes of the real pictures. Cards
        of older versions have no such field, which means True.
    second_evaluator, second_evaluator_sha256: name of another network that measured the same pictures, and hash of its
        weights; None if there was none.
    directions, directions_seed: number and seed of the directions of MIND; None if it was not measured.
    """

    evaluator: str
    evaluator_sha256: str | None
    # The hash says which pictures these are. Two names of the same pictures make no difference.
    reference: str = field(compare=False)
    reference_sha256: str | None
    samples: int
    weights: str
    seed: int | None
    evaluator_knows_data: bool = True
    second_evaluator: str | None = field(default=None, compare=False)
    second_evaluator_sha256: str | None = field(default=None, compare=False)
    directions: int | None = field(default=None, compare=False)
    directions_seed: int | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The card as files have it. Missing hashes and missing fields of some metrics are left out. So is
        `evaluator_knows_data` if it is True, as in older cards."""
        absent = {"evaluator_sha256", "reference_sha256"} | OF_SOME_METRICS
        fields = {
            name: value for name, value in dataclasses.asdict(self).items() if not (value is None and name in absent)
        }
        if self.evaluator_knows_data:
            del fields["evaluator_knows_data"]
        return fields

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Card":
        """The inverse of `to_json`. Unknown fields are ignored. A field that an older card lacks becomes None, except
        `evaluator_knows_data`."""
        absent: dict[str, Any] = {f.name: None for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING}
        return cls(**absent | {f.name: fields[f.name] for f in dataclasses.fields(cls) if f.name in fields})

    def conditions(self, metric: str) -> tuple[Any, ...]:
        """What a metric depends on, in addition to the fields that make cards unequal. Two scores with different
        conditions are not ranked against each other."""
        second = self.second_evaluator, self.second_evaluator_sha256
        directions = self.directions, self.directions_seed
        return (
            *(second if metric.partition("_")[2] == self.second_evaluator else ()),
            *(directions if metric.startswith("mind_") else ()),
        )


OF_SOME_METRICS = {"second_evaluator", "second_evaluator_sha256", "directions", "directions_seed"}
"""Fields of a card that concern some metrics only."""


def differences(a: Card, b: Card) -> list[str]:
    """What differs between two cards, in words: `samples: 10000 against 5000`."""
    if a == b:
        return []
    fields = [f.name for f in dataclasses.fields(Card) if f.name not in OF_SOME_METRICS]
    pairs = ((name, getattr(a, name), getattr(b, name)) for name in fields)
    same_pictures = a.reference_sha256 == b.reference_sha256 is not None
    return [
        f"{name}: {mine} against {other}"
        for name, mine, other in pairs
        if mine != other and not (name == "reference" and same_pictures)
    ]


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a set of pictures, and how they were measured.

    metrics: by name, such as `fid_mnist_cnn_v1`.
    floors: the same metrics of `floor_samples` real held-out pictures; empty if no pictures were held out.
    noise: the standard deviation of a metric over repeated draws of as many samples, estimated.
    classes: the share of each class among the samples; empty if the evaluator does not know the classes.
    data_classes: the share of each class among the training pictures; empty if `classes` is.
    run, checkpoint, step: folder, checkpoint and its iteration if the pictures come from a run, else None.
    seconds: how long the measurement took.
    iterations: how many iterations the run had made when the evaluation became its final one.
    """

    metrics: dict[str, float]
    card: Card
    floors: dict[str, float] = field(default_factory=dict)
    floor_samples: int | None = None
    noise: dict[str, float] = field(default_factory=dict)
    classes: dict[str, float] = field(default_factory=dict)
    data_classes: dict[str, float] = field(default_factory=dict)
    run: str | None = None
    checkpoint: str | None = None
    step: int | None = None
    seconds: float | None = None
    iterations: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The evaluation as it stands in `metrics.jsonl`, in `run.json` and in the file that `out=` names.

        The metrics stand under the key `figures`. Values that this evaluation does not have are left out.
        """
        optional = {
            "run": self.run,
            "checkpoint": self.checkpoint,
            "step": self.step,
            "figures": self.metrics,
            "floors": self.floors,
            "floor_samples": self.floor_samples,
            "noise": self.noise or None,
            "classes": self.classes or None,
            "data_classes": self.data_classes or None,
            "card": self.card.to_json(),
            "seconds": self.seconds,
            "iterations": self.iterations,
        }
        return {key: value for key, value in optional.items() if value is not None}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Evaluation":
        """The inverse of `to_json`. Unknown fields are ignored; KeyError if there are no figures or no card."""
        known = {f.name: fields[f.name] for f in dataclasses.fields(cls) if f.name in fields}
        return cls(**known | {"metrics": fields["figures"], "card": Card.from_json(fields["card"])})

    @property
    def columns(self) -> dict[str, dict[str, float]]:
        """The columns of the table, each by the metric's name: `samples`, and `real` and `noise` if they are known."""
        columns = {"samples": self.metrics, "real": self.floors, "noise": self.noise}
        return {name: column for name, column in columns.items() if column}

    def table(self) -> str:
        """One line for each metric: its value for the samples, its value for real pictures, and the noise."""
        columns = self.columns
        lines = [" " * 28 + "".join(f"{name:>12}" for name in columns)]
        for name in self.metrics:
            cells = (f"{column[name]:12.4f}" if name in column else " " * 12 for column in columns.values())
            lines.append(f"{name:28}{''.join(cells)}".rstrip())
        if 0 < (self.floor_samples or 0) < self.card.samples:
            lines.append(
                f"The column `real` is measured on {self.floor_samples} held-out pictures, which are all there are. "
                "Fewer pictures have a larger distance."
            )
        if not self.card.evaluator_knows_data:
            lines.append(unknown_data(self.card.evaluator, self.card.reference))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from ganexp.interactive import notebook

        return notebook.evaluation(self)


def of_one_class(metric: str) -> bool:
    """Whether a metric is of one class, such as `fid_mnist_cnn_v1/7`. `fid_mnist_cnn_v1/mean` is not."""
    return "/" in metric and not metric.endswith("/mean")


def unknown_data(evaluator: str, reference: str) -> str:
    """The sentence about an evaluator that was made for other pictures than those it measures."""
    return (
        f"The evaluator {evaluator} does not know these pictures ({reference}), so metrics of classes are left out. "
        "Distances still rank runs on the same pictures. To measure classes of labelled pictures: python -m "
        "ganexp.evaluator data=… out=mine.pt, and then data.evaluator=mine.pt."
    )
