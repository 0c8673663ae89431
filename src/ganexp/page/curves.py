"""Reads the curves of a run from TensorBoard's event files, a CSV file and `metrics.jsonl`."""

import csv
import json
import math
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[attr-defined]

from ganexp.run_folder.folder import RunFolder

LOGGED = ("loss", "probability", "score", "accuracy", "gradient_norm", "speed")
"""Sections of the training scalars. Metrics are not read from the logs, because every run has a `metrics.jsonl`."""


@dataclass(frozen=True)
class Curve:
    """seconds: since the run first began, without pauses; None if they are not known."""

    steps: list[int]
    seconds: list[float] | None
    values: list[float]


class _Point(NamedTuple):
    step: int
    seconds: float | None
    tag: str
    value: float


def read(folder: RunFolder, iterations_per_second: Any = None) -> dict[str, Curve]:
    """The curves of the run in that folder, by name: `loss/generator`, `fid_…`.

    iterations_per_second: the mean speed, if it is known. The seconds of a CSV file follow from this speed.
    """
    speed = _known(iterations_per_second) or None
    events = [_events(path) for path in _in_order_of_time(folder)]
    # A run whose only logger is a CSV file has events too, those of its final evaluation, but no curve in them.
    with_curves = any(events)
    parts = events if with_curves else [_csv(path, speed) for path in folder.csvs()]
    logged = _joined(parts, own_clocks=with_curves)
    return logged | _joined([_evaluations(folder.metrics)])


def rows(curves: dict[str, Curve]) -> list[dict[str, float]]:
    """The training scalars among the curves, a dict for each iteration: `iteration`, `seconds` if known, and values."""
    found: dict[int, dict[str, float]] = {}
    for tag, curve in curves.items():
        for place, step in enumerate(curve.steps if _is_curve(tag) else ()):
            seconds = {"seconds": curve.seconds[place]} if curve.seconds is not None else {}
            found.setdefault(step, {"iteration": step} | seconds)[tag] = curve.values[place]
    return [found[step] for step in sorted(found)]


def _joined(parts: list[list[_Point]], own_clocks: bool = False) -> dict[str, Curve]:
    """One curve per tag, joined from the parts in which a run was trained.

    own_clocks: the clock of each part starts at 0. A part that begins before the end of the part before it was resumed
    from an earlier checkpoint: the points after that checkpoint are dropped.
    """
    values: dict[str, dict[int, float]] = defaultdict(dict)
    clock: dict[int, float | None] = {}
    for part in filter(None, parts):
        first = min(point.step for point in part)
        for known in (clock, *values.values()):
            for step in [step for step in known if step >= first]:
                del known[step]
        before = max((s for s in clock.values() if s is not None and own_clocks), default=0.0)
        for step, seconds, tag, value in part:
            clock.setdefault(step, None if seconds is None else before + seconds)
            values[tag][step] = value
    curves = {}
    for tag, points in filter(lambda item: item[1], values.items()):
        steps = sorted(points)
        seconds = [round(second, 1) for step in steps if (second := clock[step]) is not None]
        curves[tag] = Curve(steps, seconds if len(seconds) == len(steps) else None, [points[step] for step in steps])
    return curves


def _known(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _in_order_of_time(folder: RunFolder) -> list[Path]:
    began = {path: next((event.wall_time for event in _records(path)), 0.0) for path in folder.events()}
    return sorted(began, key=began.__getitem__)


def _events(path: Path) -> list[_Point]:
    points, began = [], None
    for event in _records(path):
        began = event.wall_time if began is None else began
        for value in event.summary.value:
            if value.HasField("simple_value") and _is_curve(value.tag):
                points.append(_Point(event.step, event.wall_time - began, value.tag, value.simple_value))
    return points


def _records(path: Path) -> Iterator[Event]:
    """The events of a file, up to the first one that is half written or broken.

    TensorBoard's own reader computes checksums byte by byte in Python, which takes forty times as long.
    """
    contents, start = path.read_bytes(), 0
    while start + 12 <= len(contents):  # A record: length uint64, its checksum uint32, the event, its checksum uint32.
        (length,) = struct.unpack_from("<Q", contents, start)
        event = contents[start + 12 : start + 12 + length]
        if len(event) < length:
            return
        try:
            yield Event.FromString(event)
        except DecodeError:
            return
        start += 16 + length


def _is_curve(tag: str) -> bool:
    return tag.partition("/")[0] in LOGGED


def _csv(path: Path, speed: float | None) -> list[_Point]:
    points = []
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        for row in csv.DictReader(file):
            try:
                step = int(row["step"])
                numbers = {tag: float(value) for tag, value in row.items() if value and tag and _is_curve(tag)}
            except (KeyError, TypeError, ValueError):
                continue  # The last line of a running run may be half written.
            points += [_Point(step, step / speed if speed else None, tag, value) for tag, value in numbers.items()]
    return points


def _evaluations(path: Path) -> list[_Point]:
    """The evaluations while training. A line with `figures` is a full evaluation and belongs to no curve."""
    points = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        try:
            line = json.loads(text)
            step = int(line.pop("step"))
        except (AttributeError, KeyError, TypeError, ValueError):
            continue  # The line is half written, or another program wrote it.
        seconds = _known(line.pop("seconds", None))
        if "figures" in line:
            continue
        line.pop("samples", None)
        numbers = {tag: value for tag, value in line.items() if isinstance(value, int | float)}
        points += [_Point(step, seconds, tag, value) for tag, value in numbers.items()]
    return points
