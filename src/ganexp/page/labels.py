"""What the page calls a group of runs: the settings that set the group apart, in a few words."""

import re
from collections import Counter
from collections.abc import Sequence

from ganexp.page.collect import RunSummary

FEW = 3
"""Settings that a group's label has room for."""


def label(members: Sequence[RunSummary], columns: Sequence[str]) -> str:
    """The settings that set these runs apart. If there are many, only those that were typed; if none, a name."""
    run = members[0]
    if not run.settings:
        return _plain_name(run)
    told = list(columns)
    if len(told) > FEW:
        told = [key for key in columns if key == "model" or key in run.typed]
    if len(told) > FEW and len(members) == 1:
        return _plain_name(run)
    short = _shortened(columns)
    words = [_setting(run, key, short[key]) for key in told if key in run.settings]
    return ", ".join(words) or run.settings.get("model") or _plain_name(run)


def unique(labels: Sequence[str], names: Sequence[str]) -> list[str]:
    """The labels; those that are not unique with the name of a folder behind them."""
    counts = Counter(labels)
    return [label if counts[label] == 1 else f"{label} ({name})" for label, name in zip(labels, names, strict=True)]


def _setting(run: RunSummary, key: str, short: str) -> str:
    """`hidden=64`; the option of a group says alone what it is: `least_squares`."""
    value = run.settings[key]
    says_itself = key in run.choices and value.isidentifier() and value not in ("none", "null")
    return value if says_itself else f"{short}={value}"


def _plain_name(run: RunSummary) -> str:
    """The last part of the folder's name, without the time at its beginning."""
    last = run.name.rpartition("/")[2]
    return re.sub(r"^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(-\d+)?_", "", last) or last


def _shortened(columns: Sequence[str]) -> dict[str, str]:
    """Each key, shortened to the fewest last parts that no other key has."""
    short = {}
    for key in columns:
        parts = key.split(".")
        endings = (".".join(parts[-n:]) for n in range(1, len(parts) + 1))
        short[key] = next((e for e in endings if sum(f".{other}".endswith(f".{e}") for other in columns) == 1), key)
    return short
