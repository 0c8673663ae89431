"""Recipes learn: their digits are such that the evaluator takes them for digits."""

import json

import pytest

pytestmark = pytest.mark.slow


def figures(train, tmp_path, *typed: str) -> dict[str, float]:
    """The metrics of the best checkpoint of a short run."""
    done = train(*typed, "trainer.accelerator=cpu", "samples.every=0", "checkpoint.every=0", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    return json.loads((tmp_path / "run" / "run.json").read_text())["evaluation"]["figures"]


def test_conditional_makes_the_digit_that_is_asked_for(train, tmp_path):
    short = ("model.hidden=128", "trainer.max_steps=1500", "evaluation.every=1500", "evaluation.final=2000")
    found = figures(train, tmp_path, "model=conditional", *short)
    assert found["modes"] == 10
    assert found["class_accuracy"] > 0.6


@pytest.mark.parametrize(("recipe", "hidden", "iterations"), [("wgan_gp", 256, 1200), ("dcgan", 24, 250)])
def test_all_ten_digits_come(train, tmp_path, recipe, hidden, iterations):
    short = (
        f"model.hidden={hidden}",
        f"trainer.max_steps={iterations}",
        f"evaluation.every={iterations}",
        "evaluation.final=2000",
    )
    found = figures(train, tmp_path, f"model={recipe}", "train.ema_decay=0.99", *short)
    assert found["modes"] == 10
    assert found["class_divergence"] < 0.3
    # Real digits are at 1, and the pictures of an untrained network at 1,200.
    assert found["fid_mnist_cnn_v1"] < 200
