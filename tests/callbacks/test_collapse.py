"""The alarm rings where a run really collapses, and nowhere else."""

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hydra import compose

from ganexp.callbacks import collapse
from ganexp.callbacks.collapse import CollapseAlarm, Settings
from ganexp.config import parse
from ganexp.losses import Loss, NonSaturating, Wasserstein
from ganexp.run_folder.folder import RunFolder
from ganexp.run_folder.record import Record

SMALL = (
    "model.hidden=16",
    "trainer.accelerator=cpu",
    "samples.every=0",
    "checkpoint.every=100",
    "evaluation.every=0",
    "evaluation.final=500",
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
    assert "Stopped at iteration 8: NaN or infinity in " in done.stderr and "Traceback" not in done.stderr
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "failed" and "NaN or infinity" in record["why"]
    folder = tmp_path / "run" / "checkpoints"
    assert (folder / "nan.ckpt").is_file()
    for name in ["last.ckpt"] + ["best.ckpt"] * (every > 0):
        kept = torch.load(folder / name, weights_only=True)
        assert kept["global_step"] <= 6
        assert all(value.isfinite().all() for value in kept["state_dict"].values())


def test_a_run_that_diverges_is_stopped(train, measured, tmp_path):
    done = train(*measured, "model=wgan", "regularizer=[]", "optimizer.discriminator.lr=1e20", "hydra.run.dir=run")
    assert done.returncode == 2 and "NaN or infinity" in done.stderr and "Traceback" not in done.stderr
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"
    assert (tmp_path / "run" / "checkpoints" / "nan.ckpt").is_file()


VANILLA = Settings(max_steps=10_000, can_be_conditional=True, loss="NonSaturating", can_drop=True)


class Watched:
    """An alarm and what it looks at, iteration by iteration."""

    def __init__(self, run: Path, settings: Settings = VANILLA, loss: Loss | None = None):
        self.evaluation = SimpleNamespace(newest_step=0, newest={"duplicates": 0.01}, missing=[])
        self.record = Record(RunFolder(run))
        self.alarm = CollapseAlarm(RunFolder(run), self.record, self.evaluation, settings)
        self.loss = loss or NonSaturating()

    def at(
        self,
        step: int,
        loss: float = 1.0,
        gradient: float = 1.0,
        missing: str | None = None,
        duplicates: float = 0.01,
    ) -> list[str]:
        """Every warning so far."""
        scalars = {"loss/discriminator": loss, "gradient_norm/generator": gradient}
        if missing is not None:
            self.evaluation.newest_step, self.evaluation.missing = step, list(missing)
            self.evaluation.newest = {"duplicates": duplicates}
        self.alarm.look(SimpleNamespace(scalars=scalars, objectives=SimpleNamespace(loss=self.loss)), step)
        return self.record.contents.get("warnings", [])


def test_a_discriminator_that_wins_for_a_thousand_iterations_gets_one_warning(tmp_path):
    seen = Watched(tmp_path)
    assert seen.at(2050, loss=0.01) == seen.at(3000, loss=0.01) == []
    assert len(seen.at(3050, loss=0.01)) == len(seen.at(6000, loss=0.01)) == 1
    assert "D has told real from fake without effort" in seen.at(6050)[0]


def test_the_minimum_of_a_loss_with_smoothed_labels_is_their_entropy_and_a_critic_has_none(tmp_path):
    smoothed = Watched(tmp_path, loss=NonSaturating(smoothing=0.1))
    assert smoothed.at(2050, loss=0.34) == [] and len(smoothed.at(3050, loss=0.34)) == 1
    critic = Watched(tmp_path, loss=Wasserstein())
    assert critic.at(2050, loss=-5.0) == critic.at(3050, loss=-5.0) == []


def test_a_single_good_look_starts_the_count_again(tmp_path):
    seen = Watched(tmp_path)
    for step in range(50, 5000, 50):
        assert seen.at(step, gradient=1.0 if step % 1000 == 0 else 0.0) == []
    (sentence,) = seen.at(5950, gradient=0.0)
    assert "G's gradients have been almost zero" in sentence


def test_classes_are_missing_if_two_evaluations_in_turn_say_so_after_the_first_quarter(tmp_path):
    seen = Watched(tmp_path)
    assert seen.at(1000, missing="3") == seen.at(2500, missing="3") == []
    assert seen.at(3000, missing="3") == seen.at(4000, missing="") == seen.at(5000, missing="3") == []
    (sentence,) = seen.at(6000, missing="27")
    assert sentence.startswith("The generator makes almost no pictures of class 2 or 7; ")


def test_the_only_evaluation_of_a_run_counts_alone(tmp_path):
    assert len(Watched(tmp_path, replace(VANILLA, max_steps=3000)).at(3000, missing="3")) == 1


def test_what_is_early_is_no_warning_and_a_short_run_is_told_to_train_longer(tmp_path, caplog):
    caplog.set_level("INFO", "ganexp")
    seen = Watched(tmp_path, replace(VANILLA, max_steps=1500))
    assert seen.at(1200, loss=0.0, gradient=0.0) == seen.at(1400, missing="3", duplicates=1.0) == []
    assert caplog.text == ""
    assert seen.at(1500, missing="3", duplicates=1.0) == seen.at(1500) == []
    assert caplog.text.count("train for longer, for example with trainer.max_steps=10000") == 1


def test_a_thousand_bad_iterations_at_the_very_beginning_are_no_warning(tmp_path):
    seen = Watched(tmp_path)
    assert seen.at(200, loss=0.0) == seen.at(1300, loss=0.0) == []
    assert len(seen.at(2050, loss=0.0)) == 1


def test_a_short_run_that_is_good_is_told_nothing(tmp_path, caplog):
    caplog.set_level("INFO", "ganexp")
    assert Watched(tmp_path, replace(VANILLA, max_steps=1500)).at(1500, missing="") == [] and caplog.text == ""


def test_a_warning_before_a_resume_is_not_repeated_after_it(tmp_path):
    before, after = Watched(tmp_path), Watched(tmp_path)
    assert before.at(4000, missing="3") == [] and len(before.at(5000, missing="3")) == 1
    after.alarm.load_state_dict(before.alarm.state_dict())
    assert after.at(6000, missing="3") == after.at(7000, missing="3") == []


def test_after_a_resume_the_evaluation_before_it_counts(tmp_path):
    before, after = Watched(tmp_path), Watched(tmp_path)
    assert before.at(4000, missing="3", loss=0.01) == []
    after.alarm.load_state_dict(before.alarm.state_dict())
    assert len(after.at(5000, missing="3", loss=0.01)) == 2


def test_a_warning_that_the_record_has_is_not_written_again_by_a_run_that_goes_on_from_before_it(tmp_path):
    killed, again = Watched(tmp_path), Watched(tmp_path)
    for seen in (killed, again):
        seen.at(4000, missing="3")
        (sentence,) = seen.at(5000, missing="3")
        again.record = again.alarm.record = killed.record
    assert sentence.startswith("The generator makes almost no pictures of class 3")


@pytest.mark.parametrize(
    ("typed", "labelled", "told", "not_told"),
    [
        ([], True, ["add regularizer=r1", "model.conditional=true", "model=wgan_gp", "raise network.dropout"], []),
        ([], False, ["add regularizer=r1"], ["conditional"]),
        (["model=conditional"], True, ["add regularizer=r1"], ["conditional", "loss=non_saturating"]),
        (["model=wgan_gp"], True, ["model.conditional=true"], ["wgan_gp", "regularizer"]),
        (["model=r1gan_conditional"], True, ["model=wgan_gp"], ["conditional", "regularizer"]),
        (["regularizer=spectral_norm", "loss=hinge"], True, ["'regularizer=[spectral_norm,r1]'", "loss=non_sat"], []),
        (["trainer.max_steps=3000"], True, ["train for longer (trainer.max_steps=10000)"], []),
        (["trainer.max_steps=20000"], True, [], ["train for longer"]),
    ],
)
def test_advice_names_nothing_that_the_run_already_has(hydra, tmp_path, typed, labelled, told, not_told):
    config = parse(compose("train", typed))
    settings = Settings.of(config, labelled)
    seen = Watched(tmp_path, replace(settings, max_steps=config.trainer.max_steps))
    bad = {"loss": 0.0, "gradient": 0.0, "missing": "3", "duplicates": 1.0}
    last = config.trainer.max_steps
    for step in (last - 1100, last - 50, last):
        seen.at(step, **bad)
    sentences = seen.at(last)
    assert len(sentences) == 4
    words = " ".join(sentences)
    assert all(word in words for word in told), words
    assert not any(word in words for word in not_told), words


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings begin early, so that the runs of a test may be short."""
    monkeypatch.setattr(collapse, "EARLY", 400)
    monkeypatch.setattr(collapse, "PATIENCE", 200)


@pytest.mark.slow
def test_a_run_whose_discriminator_always_wins_is_warned_once(train, impatient, tmp_path):
    done = train(
        *SMALL,
        "trainer.max_steps=1000",
        "loss=minimax",
        "optimizer.generator.lr=1e-9",
        "optimizer.discriminator.lr=2e-2",
        "network.dropout=0",
    )
    assert done.returncode == 0, done.stderr
    told = warnings(tmp_path)
    assert sum("D has told real from fake without effort" in sentence for sentence in told) == 1
    assert sum("G's gradients have been almost zero" in sentence for sentence in told) == 1
    assert done.stderr.count("without effort") == 1


@pytest.mark.slow
def test_a_run_whose_generator_collapses_is_warned(train, impatient, tmp_path):
    done = train(
        *SMALL,
        "trainer.max_steps=1000",
        "evaluation.every=450",
        "evaluation.samples=500",
        "optimizer.generator.lr=1",
    )
    assert done.returncode == 0, done.stderr
    told = " ".join(warnings(tmp_path))
    assert "makes almost no pictures of class" in told and "nearly identical" in told


@pytest.mark.slow
def test_a_healthy_run_is_not_warned(train, impatient, tmp_path):
    typed = ("trainer.max_steps=1000", "evaluation.every=200", "evaluation.samples=500")
    done = train("model=r1gan", *SMALL[1:], *typed)
    assert done.returncode == 0, done.stderr
    assert warnings(tmp_path) == []


def test_advice_names_the_fork_from_before_the_fault(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    for step in (1000, 2000, 3000):
        (tmp_path / "checkpoints" / f"step-{step:06d}.ckpt").touch()
    seen = Watched(tmp_path)
    seen.at(2050, loss=0.01)
    (sentence,) = seen.at(3050, loss=0.01)
    assert f"python -m ganexp.train fork={tmp_path} at=2000 and changes that" in sentence


def test_a_fault_of_the_pictures_began_at_the_first_of_the_two_evaluations_that_show_it(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    for step in (2500, 5000):
        (tmp_path / "checkpoints" / f"step-{step:06d}.ckpt").touch()
    seen = Watched(tmp_path)
    seen.at(4000, missing="3")
    (sentence,) = seen.at(6000, missing="3")
    assert "at=2500" in sentence and seen.alarm.rescues == {2500}
