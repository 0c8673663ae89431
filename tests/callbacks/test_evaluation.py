"""Evaluations while a run trains."""

import json
import shutil

import pytest
from conftest import last

from ganexp.run_folder import checkpoints


@pytest.fixture
def run(trained, measured, tmp_path):
    """Five iterations, evaluated at every second one and at the end."""
    return shutil.copytree(trained(*measured, "trainer.max_steps=5"), tmp_path / "run")


def while_training(run) -> list[dict]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "checkpoint" not in line]


def test_a_run_is_measured_at_its_interval_and_at_its_end(run):
    lines = while_training(run)
    assert [line["step"] for line in lines] == [2, 4, 5]
    assert all(line["card"]["samples"] == 100 for line in lines)


def test_the_best_checkpoint_is_the_one_of_the_lowest_distance(run):
    best = min(while_training(run), key=lambda line: line["fid_fake_cnn"])
    assert checkpoints.read(run / "checkpoints" / "best.ckpt")["global_step"] == best["step"]
    score = next(state["best"] for state in last(run)["callbacks"].values() if "best" in state)
    assert score == best["fid_fake_cnn"]


def test_after_a_resume_seconds_go_on_and_a_best_checkpoint_that_was_measured_otherwise_is_chosen_anew(train, run):
    done = train("resume=run", "trainer.max_steps=6", "evaluation.samples=110")
    assert done.returncode == 0, done.stderr
    seconds = [line["seconds"] for line in while_training(run)]
    assert len(seconds) == 4 and seconds == sorted(seconds)
    assert "best.ckpt is chosen again: it was by 100 samples and fake_cnn" in done.stderr
    assert checkpoints.read(run / "checkpoints" / "best.ckpt")["global_step"] == 6
