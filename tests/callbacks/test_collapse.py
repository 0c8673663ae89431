"""The alarm rings where a run really collapses, and nowhere else."""

import json

import pytest
import torch

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


def test_a_run_whose_losses_are_not_finite_stops_and_keeps_the_last_good_checkpoint(train, tmp_path):
    blows_up_late = ("loss=wasserstein", "optimizer.discriminator.lr=1e3", "trainer.max_steps=2000")
    done = train(*SMALL, *blows_up_late, "checkpoint.every=5")
    assert done.returncode == 2
    assert "Stopped at iteration" in done.stderr and "not finite" in done.stderr and "Traceback" not in done.stderr
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "failed" and "not finite" in record["why"]
    assert (tmp_path / "run" / "checkpoints" / "nan.ckpt").is_file()
    kept = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert kept["global_step"] >= 5
    assert all(value.isfinite().all() for value in kept["state_dict"].values())


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
