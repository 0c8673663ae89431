"""The speed of a run, for its record."""

import time

import pytest
from toys import fit, gan

from ganexp.callbacks.speed import Speed
from ganexp.folder import RunFolder
from ganexp.record import Record


@pytest.fixture
def record(tmp_path) -> Record:
    return Record(RunFolder(tmp_path))


def test_a_run_tells_its_start_its_seconds_its_speed_and_its_memory(record):
    fit(gan(), 3, Speed(record))
    told = record.contents
    assert told.keys() == {"start_seconds", "seconds", "iterations_per_second", "peak_mb"}
    assert all(value > 0 for value in told.values())


def told(record: Record, monkeypatch, begin: int, looks: list[tuple[int, float]]) -> dict:
    """What a run tells that begins at time 0 and at iteration `begin`; `looks`: iterations and times."""
    clock = iter([0.0])
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock, now[0]))
    speed = Speed(record)
    speed.begin(None, begin)
    for step, now[0] in looks:
        speed.look(None, step)
    speed.end(None, looks[-1][0])
    return record.contents


@pytest.mark.parametrize("begin", [0, 1000])
def test_the_first_iterations_do_not_count(record, monkeypatch, begin):
    looks = [(begin + 10, 5.0), (begin + 60, 9.0), (begin + 160, 14.0)]
    found = told(record, monkeypatch, begin, looks)
    assert found["iterations_per_second"] == 100 / 5 and found["seconds"] == 14.0


def test_if_there_are_no_others_they_do(record, monkeypatch):
    assert told(record, monkeypatch, 0, [(10, 5.0), (30, 10.0)])["iterations_per_second"] == 3


def test_the_start_is_told_once(record, monkeypatch):
    first = told(record, monkeypatch, 0, [(1, 1.0)])["start_seconds"]
    speed = Speed(record)
    speed._started = True
    speed.look(None, 2)
    assert record.contents["start_seconds"] == first
