"""A run that is killed at random moments ends as a calm one."""

import random

import pytest

faults = pytest.importorskip("benchmarks.faults", reason="benchmarks/ is beside the tests in a clone alone")


@pytest.mark.slow
def test_killed_runs_end_as_a_calm_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert faults.kills(2, iterations=200, moments=random.Random(1)) == [False] * 2
