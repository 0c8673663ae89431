"""The speed of a run, for its record."""

import time
from types import SimpleNamespace

import pytest
from toys import fit, gan

from ganexp.callbacks.callback import Callback
from ganexp.callbacks.speed import Speed
from ganexp.run_folder.folder import RunFolder
from ganexp.run_folder.record import Record


@pytest.fixture
def record(tmp_path) -> Record:
    return Record(RunFolder(tmp_path))


def test_a_run_tells_its_start_its_seconds_its_speed_and_its_memory(record):
    fit(gan(), 3, Speed(record))
    told = record.contents
    assert told.keys() == {"start_seconds", "seconds", "cpu_seconds", "iterations_per_second", "peak_mb"}
    assert all(value > 0 for value in told.values())


class Busy(Callback):
    """Keeps the processor busy after each of its looks."""

    every = 1
    after = (Speed,)

    def look(self, gan, step):
        until = time.process_time() + 0.5
        while time.process_time() < until:
            pass


def test_the_work_of_the_processor_is_told_without_what_callbacks_do(record):
    fit(gan(), 3, Busy(), Speed(record))
    assert 0 < record.contents["cpu_seconds"] < 1.5 <= record.contents["seconds"]


def test_a_resumed_run_goes_on_counting_seconds_and_the_work_of_the_processor(record):
    speed = Speed(record)
    speed.load_state_dict({"cpu_seconds": 1000.0, "seconds": 2000.0})
    fit(gan(), 3, speed)
    assert 1000 < record.contents["cpu_seconds"] < 1100
    assert 2000 < record.contents["seconds"] < 2100
    assert 2000 < speed.state_dict()["seconds"] < 2100


def told(record: Record, monkeypatch, begin: int, looks: list[tuple[int, float]]) -> dict:
    """What a run tells that begins at time 0 and at iteration `begin`; `looks`: iterations and times."""
    clock = iter([0.0])
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock, now[0]))
    speed, watched = Speed(record), SimpleNamespace(trainer=SimpleNamespace(max_steps=10_000))
    speed.begin(watched, begin)
    for step, now[0] in looks:
        speed.look(watched, step)
    speed.end(watched, looks[-1][0])
    return record.contents


@pytest.mark.parametrize("begin", [0, 1000])
def test_the_first_iterations_do_not_count(record, monkeypatch, begin):
    looks = [(begin + 10, 5.0), (begin + 60, 9.0), (begin + 160, 14.0)]
    found = told(record, monkeypatch, begin, looks)
    assert found["iterations_per_second"] == 100 / 5 and found["seconds"] == 14.0


def test_if_there_are_no_others_they_do(record, monkeypatch):
    assert told(record, monkeypatch, 0, [(10, 5.0), (30, 10.0)])["iterations_per_second"] == 3


def test_the_start_is_told_once(record, monkeypatch):
    written = []
    monkeypatch.setattr(record, "write", lambda **changes: written.extend(changes))
    told(record, monkeypatch, 0, [(1, 1.0), (2, 2.0)])
    assert written.count("start_seconds") == 1


@pytest.mark.parametrize("begin", [0, 1000])
def test_the_forecast_is_made_once_and_leaves_out_the_slow_first_iterations(record, monkeypatch, caplog, begin):
    caplog.set_level("INFO", "ganexp")
    told(record, monkeypatch, begin, [(begin + 1, 9.0), (begin + 2, 9.5), (begin + 21, 11.0), (begin + 40, 50.0)])
    left = (10_000 - begin - 21) * 2 / 20 / 60
    assert [entry.getMessage() for entry in caplog.records] == [
        f"About {left:.0f} min left at this speed, without evaluations"
    ]
