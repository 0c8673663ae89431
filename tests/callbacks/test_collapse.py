"""The alarm rings where a run really collapses, and nowhere else."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ganexp.callbacks.collapse import CollapseAlarm
from ganexp.folder import RunFolder
from ganexp.losses import Loss, NonSaturating, Wasserstein
from ganexp.record import Record

SMALL = (
    "model.hidden=16",
    "trainer.accelerator=cpu",
    "samples.every=0",
    "checkpoint.every=100",
    "evaluation.every=0",
    "hydra.run.dir=run",
)


def warnings(tmp_path) -> list[str]:
    return json.loads((tmp_path / "run" / "run.json").read_text()).get("warnings", [])


@pytest.mark.parametrize("every", [0, 2])
def test_a_run_whose_losses_are_not_finite_stops_and_keeps_the_last_good_checkpoints(
    train, measured, tmp_path, monkeypatch, every
):
    calls, finite = iter(range(1, 21)), Wasserstein.discriminator
    monkeypatch.setattr(
        Wasserstein, "discriminator", lambda *logits: finite(*logits) * (math.inf if next(calls) == 7 else 1)
    )
    typed = ("loss=wasserstein", "trainer.max_steps=20", f"evaluation.every={every}", "hydra.run.dir=run")
    done = train(*measured, *typed)
    assert done.returncode == 2
    assert "Stopped at iteration 8" in done.stderr and "not finite" in done.stderr and "Traceback" not in done.stderr
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "failed" and "not finite" in record["why"]
    folder = tmp_path / "run" / "checkpoints"
    assert (folder / "nan.ckpt").is_file()
    for name in ["last.ckpt"] + ["best.ckpt"] * (every > 0):
        kept = torch.load(folder / name, weights_only=True)
        assert kept["global_step"] <= 6
        assert all(value.isfinite().all() for value in kept["state_dict"].values())


def test_a_run_that_diverges_is_stopped(train, measured, tmp_path):
    done = train(*measured, "model=wgan", "regularizer=[]", "optimizer.discriminator.lr=1e20", "hydra.run.dir=run")
    assert done.returncode == 2 and "not finite" in done.stderr and "Traceback" not in done.stderr
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"
    assert (tmp_path / "run" / "checkpoints" / "nan.ckpt").is_file()


class Watched:
    """An alarm and what it looks at, iteration by iteration."""

    def __init__(self, run: Path, max_steps: int = 10_000, loss: Loss | None = None):
        self.evaluation = SimpleNamespace(newest_step=0, newest={"duplicates": 0.01}, missing=[])
        self.record = Record(RunFolder(run))
        self.alarm = CollapseAlarm(RunFolder(run), self.record, self.evaluation)
        self.gan = SimpleNamespace(
            objectives=SimpleNamespace(loss=loss or NonSaturating()), trainer=SimpleNamespace(max_steps=max_steps)
        )

    def at(self, step: int, loss: float = 1.0, gradient: float = 1.0, missing: str | None = None) -> list[str]:
        """First words of all that has been told."""
        self.gan.scalars = {"loss/discriminator": loss, "gradient_norm/generator": gradient}
        if missing is not None:
            self.evaluation.newest_step, self.evaluation.missing = step, list(missing)
        self.alarm.look(self.gan, step)
        return [sentence.split(" ")[0] for sentence in self.record.contents.get("warnings", [])]


def test_a_discriminator_that_wins_for_a_thousand_iterations_is_told_of_once(tmp_path):
    seen = Watched(tmp_path)
    assert seen.at(50, loss=0.01) == seen.at(1000, loss=0.01) == []
    assert seen.at(1050, loss=0.01) == seen.at(3000, loss=0.01) == ["D"]


def test_of_smoothed_labels_the_least_loss_is_their_entropy_and_of_a_critic_s_there_is_none(tmp_path):
    smoothed = Watched(tmp_path, loss=NonSaturating(smoothing=0.1))
    assert smoothed.at(50, loss=0.34) == [] and smoothed.at(1050, loss=0.34) == ["D"]
    critic = Watched(tmp_path, loss=Wasserstein())
    assert critic.at(50, loss=-5.0) == critic.at(1050, loss=-5.0) == []


def test_a_moment_s_peace_starts_the_count_anew(tmp_path):
    seen = Watched(tmp_path)
    for step in range(50, 5000, 50):
        assert seen.at(step, gradient=1.0 if step % 1000 == 0 else 0.0) == []
    assert seen.at(5950, gradient=0.0) == ["G's"]


def test_classes_are_missing_when_two_evaluations_in_turn_say_so_after_the_first_quarter(tmp_path):
    seen = Watched(tmp_path)
    assert seen.at(1000, missing="3") == seen.at(2000, missing="3") == []
    assert seen.at(3000, missing="3") == seen.at(4000, missing="") == seen.at(5000, missing="3") == []
    assert seen.at(6000, missing="7") == ["G"]


def test_a_run_s_only_evaluation_counts_alone(tmp_path):
    assert Watched(tmp_path, max_steps=500).at(500, missing="3") == ["G"]


def test_what_was_told_before_a_resume_is_not_told_again(tmp_path):
    before, after = Watched(tmp_path), Watched(tmp_path)
    assert before.at(4000, missing="3") == [] and before.at(5000, missing="3") == ["G"]
    after.alarm.load_state_dict(before.alarm.state_dict())
    assert after.at(6000, missing="3") == after.at(7000, missing="3") == []


@pytest.mark.slow
def test_a_discriminator_that_always_wins_is_told_of_once(train, tmp_path):
    done = train(
        *SMALL,
        "trainer.max_steps=1600",
        "loss=minimax",
        "optimizer.generator.lr=1e-9",
        "optimizer.discriminator.lr=2e-2",
        "network.dropout=0",
    )
    assert done.returncode == 0, done.stderr
    told = warnings(tmp_path)
    assert sum("D has told real from fake without effort" in sentence for sentence in told) == 1
    assert sum("G's gradients have been next to nothing" in sentence for sentence in told) == 1
    assert done.stderr.count("without effort") == 1


@pytest.mark.slow
def test_a_generator_that_collapses_is_told_of(train, tmp_path):
    done = train(
        *SMALL,
        "trainer.max_steps=400",
        "evaluation.every=100",
        "evaluation.samples=500",
        "optimizer.generator.lr=1",
    )
    assert done.returncode == 0, done.stderr
    told = " ".join(warnings(tmp_path))
    assert "modes are missing" in told and "next to equal" in told


@pytest.mark.slow
def test_a_healthy_run_hears_nothing(train, tmp_path):
    done = train("model=r1gan", *SMALL[1:], "trainer.max_steps=2000", "evaluation.every=500", "evaluation.samples=500")
    assert done.returncode == 0, done.stderr
    assert warnings(tmp_path) == []
