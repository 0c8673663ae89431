"""Which runs may be compared, and in what they differ."""

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from ganexp.evaluation import Card, differences
from ganexp.page.collect import Run, natural
from ganexp.page.statistics import deviation, verdict

UNKNOWN = "–"
"""The value of a setting that a run does not have."""

FEW = 4
"""Settings that say more than the name of a run's folder."""


@dataclass(frozen=True)
class Group:
    """Runs that differ in the seed alone. settings: those that set the group apart. number: its place among all.

    of: how many runs it has in all, of which `runs` may be those that were measured alike.
    """

    number: int
    settings: dict[str, str]
    runs: list[Run]
    of: int

    @property
    def seeds(self) -> list[str]:
        return list(dict.fromkeys(run.seed for run in self.runs))

    def values(self, figure: str) -> list[float]:
        """One a seed; of a seed that ran twice, the later one's."""
        later = sorted((run for run in self.runs if figure in run.figures), key=lambda run: run.started)
        return list({run.seed: run.figures[figure] for run in later}.values())


@dataclass(frozen=True)
class Section:
    """Groups whose figures may be ranked, best first. differs: from the first section's card, in words.

    columns: the settings in which the section's groups differ. figures: names, the headline first.
    """

    card: Card
    differs: list[str]
    groups: list[Group]
    columns: list[str]
    figures: list[str]

    @property
    def headline(self) -> str | None:
        """A Fréchet distance: the lower, the better."""
        return next((name for name in self.figures if name.startswith("fid") and "/" not in name), None)

    @property
    def floors(self) -> dict[str, float]:
        """What real pictures get: a conditional run knows of more figures than another."""
        return {name: value for group in self.groups for run in group.runs for name, value in run.floors.items()}

    @property
    def conclusion(self) -> str:
        """The best group, the next, and what may be said of their difference; empty if there are not two."""
        name = self.headline
        ranked = [group for group in self.groups if name and group.values(name)]
        if name is None or len(ranked) < 2:
            return ""
        best, second = (group.values(name) for group in ranked[:2])
        first, next_ = (label(group, self.columns) for group in ranked[:2])
        told = f"{first} has the lowest {name}, {spread(best)}, before {next_}, {spread(second)}."
        noise = max((run.noise.get(name, 0.0) for group in ranked[:2] for run in group.runs), default=0.0)
        told += "".join(
            f" Of {name}'s {group.of} runs {len(group.runs)} are in this table."
            for name, group in zip((first, next_), ranked, strict=False)
            if len(group.runs) < group.of
        )
        noise *= (1 / len(best) + 1 / len(second)) ** 0.5
        if fmean(second) - fmean(best) <= 2 * noise:
            return f"{told} That is within twice what measuring alone makes of it ({number(noise)}), so neither leads."
        return f"{told} {verdict(best, second)}"


def differing(runs: Sequence[Run]) -> list[str]:
    """The settings that tell the runs apart, those that were typed first.

    What a recipe or another choice of a group brought along is left out, for the choice says it.
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


def _one_valued(classes: list[tuple], key: str, runs: Sequence[Run]) -> bool:
    """Whether runs of one class always agree in `key`."""
    values = defaultdict(set)
    for class_, run in zip(classes, runs, strict=True):
        values[class_].add(run.settings.get(key))
    return all(len(found) == 1 for found in values.values())


def groups(runs: Sequence[Run], columns: Sequence[str]) -> list[Group]:
    """The runs by their settings; one whose settings are not known is alone."""
    found: dict[tuple[str | None, ...], list[Run]] = defaultdict(list)
    for run in runs:
        settings = tuple(run.settings.get(key, UNKNOWN) for key in columns)
        found[settings if run.settings else (None, run.name)].append(run)
    return [
        Group(
            i, {key: run.settings.get(key, UNKNOWN) for key in columns} if run.settings else {}, members, len(members)
        )
        for i, members in enumerate(found.values())
        for run in members[:1]
    ]


def sections(every: Sequence[Group]) -> list[Section]:
    """The groups by what their figures were measured with, the largest section first."""
    measured: dict[Card, list[Group]] = defaultdict(list)
    for group in every:
        by_card: dict[Card, list[Run]] = defaultdict(list)
        for run in group.runs:
            if run.figures:
                by_card[_card(run)].append(run)
        for card, runs in by_card.items():
            measured[card].append(dataclasses.replace(group, runs=runs))
    largest = sorted(measured.items(), key=lambda item: -sum(len(group.runs) for group in item[1]))
    return [_section(card, members, largest[0][0]) for card, members in largest]


def _section(card: Card, members: list[Group], first: Card) -> Section:
    names = list(dict.fromkeys(name for group in members for run in group.runs for name in run.figures))
    columns = varying(members) if len(members) > 1 else list(members[0].settings)
    # Hashes are told apart by their first digits.
    differs = [re.sub(r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1…", text) for text in differences(first, card)]
    section = Section(card, differs, members, columns, names)
    if section.headline is None:
        return section
    key = section.headline
    scores = {group.number: fmean(values) for group in members if (values := group.values(key))}
    best_first = sorted(members, key=lambda group: scores.get(group.number, float("inf")))
    return dataclasses.replace(section, groups=best_first)


def _card(run: Run) -> Card:
    """What an older card does not say is None."""
    known = {key: value for key, value in run.card.items() if isinstance(value, str | int | float)}
    return Card.from_json(known)


def varying(members: Sequence[Group]) -> list[str]:
    """The settings of which these groups have several values."""
    keys = dict.fromkeys(key for group in members for key in group.settings)
    return [key for key in keys if len(levels(members, key)) > 1]


def levels(members: Iterable[Group], key: str) -> list[str]:
    """The values of a setting, numbers in their order."""
    return sorted({group.settings[key] for group in members if key in group.settings}, key=_rank)


def _rank(value: str) -> tuple[float, list[tuple[int, str]]]:
    try:
        return float(value), []
    except ValueError:
        return float("inf"), natural(value)


def label(group: Group, columns: Sequence[str]) -> str:
    """The group in a few words: `model=vanilla, hidden=256`; a single run that many set apart by its name."""
    told = [f"{short}={group.settings[key]}" for key, short in _shortened(columns).items() if key in group.settings]
    if len(group.runs) == 1 and (not told or len(told) > FEW):
        return group.runs[0].name
    return ", ".join(told) or f"{len(group.runs)} seeds"


def _shortened(columns: Sequence[str]) -> dict[str, str]:
    """Keys by as many of their last parts as tell them apart."""
    short = {}
    for key in columns:
        parts = key.split(".")
        endings = (".".join(parts[-n:]) for n in range(1, len(parts) + 1))
        short[key] = next((e for e in endings if sum(f".{other}".endswith(f".{e}") for other in columns) == 1), key)
    return short


def spread(values: Sequence[float]) -> str:
    """`16.8 ± 0.4`, or the one value alone."""
    sd = deviation(values)
    if sd is None:
        return number(values[0])
    return f"{number(fmean(values))} ± {f'{sd:#.2g}' if 0 < sd < 9.95 else f'{sd:,.0f}'}"


def number(value: float) -> str:
    """Four digits of it, and no exponent for what people count."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
