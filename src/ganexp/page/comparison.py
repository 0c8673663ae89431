"""Which runs may be compared, and in what they differ."""

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from ganexp.evaluation import Card, differences
from ganexp.page import glossary, labels
from ganexp.page.collect import RunSummary
from ganexp.page.statistics import beyond_noise, noise_of_gap, number, significance, spread
from ganexp.run_folder.find import natural

UNKNOWN = "–"
"""Stands for the value of a setting that a run does not have."""

FRONT = ("recall", "precision", "coverage", "class_accuracy", "mind", "duplicates", "kid")
"""Metrics that a table shows beside the headline, in this order; the others are behind `All columns`."""

NAMED_PAIRS = 3
"""Pairs of groups that a sentence has room for."""

OTHER_DISTANCE = re.compile(r"(fid|mind)_(?!test_)[^/]+$")
"""Names of the distances from training pictures, other than those of single classes."""


@dataclass(frozen=True)
class Group:
    """Runs that differ in the seed alone.

    number: the group's place among all groups. label: its settings in a few words. settings: those that set it apart.
    size: how many runs the group has in all; `runs` may be only those that were measured alike.
    """

    number: int
    label: str
    settings: dict[str, str]
    runs: list[RunSummary]
    size: int

    @property
    def seeds(self) -> list[str]:
        return list(dict.fromkeys(run.seed for run in self.runs))

    def values(self, metric: str) -> list[float]:
        """One value per seed. If a seed ran twice, the later run counts."""
        later = sorted((run for run in self.runs if metric in run.metrics), key=lambda run: run.started)
        return list({run.seed: run.metrics[metric] for run in later}.values())


@dataclass(frozen=True)
class Section:
    """Groups whose metrics may be ranked against each other, best first.

    differs: the fields in which the card differs from the first section's, in words. columns: the settings in which
    the groups of the section differ. metrics: their names, the headline first.
    """

    card: Card
    differs: list[str]
    groups: list[Group]
    columns: list[str]
    metrics: list[str]

    @property
    def headline(self) -> str | None:
        """The metric that ranks the groups: a Fréchet distance, where lower is better."""
        return next((name for name in self.metrics if name.startswith("fid") and "/" not in name), None)

    def title(self, metric: str) -> str:
        """The short name of a metric, with the evaluator if it is the second one."""
        name, second = glossary.entry(metric).name, self.card.second_evaluator
        return f"{name} by {second}" if metric.partition("_")[2] == second else name

    @property
    def table_metrics(self) -> list[str]:
        """The metrics in the order of the table: the headline, those that are always shown, the others."""
        first = [name for start in FRONT for name in self.metrics if name.startswith(start) and "/" not in name]
        return list(dict.fromkeys([*filter(None, [self.headline]), *first, *self.metrics]))

    @property
    def knows_data(self) -> bool:
        """Whether the evaluator was trained on pictures of this kind; true unless a card says otherwise."""
        keys = ("evaluator_knows_data", "knows_data")
        return not any(run.card.get(key) is False for key in keys for group in self.groups for run in group.runs)

    @property
    def floors(self) -> dict[str, float]:
        """The metrics of real pictures, from all runs: conditional runs have more metrics than others."""
        return {name: value for group in self.groups for run in group.runs for name, value in run.floors.items()}

    @property
    def conclusion(self) -> str:
        """The best group, the second, and whether their difference means anything; empty if there are not two."""
        metric = self.headline
        ranked = [group for group in self.groups if metric and group.values(metric)]
        if metric is None or len(ranked) < 2:
            return ""
        first, second = ranked[:2]
        a, b = first.values(metric), second.values(metric)
        name = glossary.entry(metric).name
        said = [f"{first.label} has the lowest {name}: {spread(a)}. Next is {second.label}: {spread(b)}."]
        said += [
            f"Only {len(group.runs)} of the {group.size} runs of {group.label} are in this table."
            for group in (first, second)
            if len(group.runs) < group.size
        ]
        once = _noise_once(first, second, metric)
        if beyond_noise(a, b, once):
            said.append(significance(a, b))
        else:
            gap, noise = number(fmean(b) - fmean(a)), number(noise_of_gap(a, b, once))
            said.append(f"The gap of {gap} is within twice the noise of measuring ({noise}), so neither leads.")
        return " ".join(said)

    @property
    def second_opinion(self) -> str:
        """The pairs of groups that another distance puts in the other order than the headline, by more than the noise
        of measuring; empty if there are no two groups or no other distances."""
        headline = self.headline
        others = [name for name in self.metrics if name != headline and OTHER_DISTANCE.match(name)]
        ranked = [group for group in self.groups if headline and group.values(headline)]
        if headline is None or not others or len(ranked) < 2:
            return ""
        said = [
            f"{behind.label} is ahead of {ahead.label} in {listed(against)}"
            for ahead, behind in combinations(ranked, 2)
            if _leads(ahead, behind, headline)
            and (against := [self.title(name) for name in others if _leads(behind, ahead, name)])
        ]
        if not said:
            told = listed([self.title(name) for name in others])
            return f"The other distances, {told}, agree with this order within the noise of measuring."
        more = f"; and so on for {len(said) - NAMED_PAIRS} other pairs" if len(said) > NAMED_PAIRS else ""
        return f"Other distances do not agree with this order: {'; '.join(said[:NAMED_PAIRS])}{more}."


def _noise_once(first: Group, second: Group, metric: str) -> float:
    """The noise of measuring a run of either group, the larger one."""
    return max((run.noise.get(metric, 0.0) for group in (first, second) for run in group.runs), default=0.0)


def _leads(first: Group, second: Group, metric: str) -> bool:
    """Whether the first group's distance is smaller by more than twice the noise of measuring."""
    a, b = first.values(metric), second.values(metric)
    if not (a and b):
        return False
    return fmean(a) < fmean(b) and beyond_noise(a, b, _noise_once(first, second, metric))


def listed(words: Sequence[str]) -> str:
    """`a, b and c`"""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def differing(runs: Sequence[RunSummary]) -> list[str]:
    """The settings that tell the runs apart: the typed ones first, then the recipe and other choices of groups.

    A setting that follows from a choice is left out: where the recipes differ, their learning rates need no column.
    """
    runs = [run for run in runs if run.settings]
    every = dict.fromkeys(key for run in runs for key in run.settings)
    typed = {key for run in runs for key in run.typed}
    choices = {key for run in runs for key in run.choices}
    kept: list[str] = []
    for key in sorted(every, key=lambda key: (key not in typed, key != "model", key not in choices)):
        explained = [] if key in typed else [k for k in kept if k in choices]
        classes = [tuple(run.settings.get(k) for k in explained) for run in runs]
        if not _one_valued(classes, key, runs):
            kept.append(key)
    return kept


def _one_valued(classes: list[tuple], key: str, runs: Sequence[RunSummary]) -> bool:
    """Whether all runs of one class have the same value of `key`."""
    values = defaultdict(set)
    for class_, run in zip(classes, runs, strict=True):
        values[class_].add(run.settings.get(key))
    return all(len(found) == 1 for found in values.values())


def groups(runs: Sequence[RunSummary], columns: Sequence[str]) -> list[Group]:
    """The runs by their settings. A run whose settings are not known is a group of its own."""
    found: dict[tuple[str | None, ...], list[RunSummary]] = defaultdict(list)
    for run in runs:
        settings = tuple(run.settings.get(key, UNKNOWN) for key in columns)
        found[settings if run.settings else (None, run.name)].append(run)
    names = [labels.label(members, columns) for members in found.values()]
    names = labels.unique(names, [members[0].name for members in found.values()])
    return [
        Group(
            number=i,
            label=names[i],
            settings={key: members[0].settings.get(key, UNKNOWN) for key in columns} if members[0].settings else {},
            runs=members,
            size=len(members),
        )
        for i, members in enumerate(found.values())
    ]


def titles(every: Sequence[Group]) -> dict[str, str]:
    """What the page calls each run, by the name of its folder: `least_squares, seed 0`."""
    runs = [(group, run) for group in every for run in group.runs]
    seeds = len({run.seed for _, run in runs}) > 1
    told = [f"{group.label}, seed {run.seed}" if seeds and group.settings else group.label for group, run in runs]
    names = [run.name for _, run in runs]
    return dict(zip(names, labels.unique(told, names), strict=True))


def sections(every: Sequence[Group]) -> list[Section]:
    """The groups by the cards of their metrics, the largest section first."""
    measured: dict[Card, list[Group]] = defaultdict(list)
    for group in every:
        by_card: dict[Card, list[RunSummary]] = defaultdict(list)
        for run in group.runs:
            if run.metrics:
                by_card[_card(run)].append(run)
        for card, runs in by_card.items():
            measured[card].append(dataclasses.replace(group, runs=runs))
    largest = sorted(measured.items(), key=lambda item: -sum(len(group.runs) for group in item[1]))
    return [_section(card, members, largest[0][0]) for card, members in largest]


def _section(card: Card, members: list[Group], first: Card) -> Section:
    cards = (_card(run) for group in members for run in group.runs)
    card = next((found for found in cards if found.second_evaluator), card)
    members = [dataclasses.replace(group, runs=[_alike(run, card) for run in group.runs]) for group in members]
    names = list(dict.fromkeys(name for group in members for run in group.runs for name in run.metrics))
    columns = varying(members) if len(members) > 1 else list(members[0].settings)
    # The first digits of a hash suffice to tell it from another one.
    differs = [re.sub(r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1…", text) for text in differences(first, card)]
    section = Section(card, differs, members, columns, names)
    key = section.headline
    if key is None:
        return section
    scores = {group.number: fmean(values) for group in members if (values := group.values(key))}
    best_first = sorted(members, key=lambda group: scores.get(group.number, float("inf")))
    return dataclasses.replace(section, groups=best_first)


def _alike(run: RunSummary, card: Card) -> RunSummary:
    """The run without the metrics that were measured under other conditions than those of `card`."""
    own = _card(run)
    other = [name for name in run.metrics if own.conditions(name) != card.conditions(name)]
    if not other:
        return run
    note = f"Left out, because the second evaluator or MIND's directions differ from the other runs': {listed(other)}."
    kept = {name: value for name, value in run.metrics.items() if name not in other}
    return dataclasses.replace(run, metrics=kept, notes=(*run.notes, note))


def _card(run: RunSummary) -> Card:
    """The card of the run's metrics. Values of a wrong type count as missing."""
    return Card.from_json({key: value for key, value in run.card.items() if isinstance(value, str | int | float)})


def varying(members: Sequence[Group]) -> list[str]:
    """The settings in which these groups differ."""
    keys = dict.fromkeys(key for group in members for key in group.settings)
    return [key for key in keys if len(levels(members, key)) > 1]


def levels(members: Iterable[Group], key: str) -> list[str]:
    """The values of a setting; numbers are in their order."""
    return sorted({group.settings[key] for group in members if key in group.settings}, key=_rank)


def _rank(value: str) -> tuple[float, list[tuple[int, str]]]:
    try:
        return float(value), []
    except ValueError:
        return float("inf"), natural(value)
