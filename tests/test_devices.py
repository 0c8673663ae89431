"""A run in several processes is the run of one process. Here they meet by gloo, on a CPU."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow

RECIPES = {
    "fully connected": ["network.dropout=0"],
    "BatchNorm in both networks": ["model=dcgan", "model.hidden=4"],
    "gradient penalty and DiffAugment": ["model=dragan", "train.augment=[color,translation,cutout]"],
}
COMMON = ["samples.every=0", "checkpoint.every=0", "logger=csv", "trainer.log_every_n_steps=1", "+data.flip=true"]


def losses(run: Path) -> torch.Tensor:
    """The losses of D and G at every iteration, [iterations, 2]."""
    rows = []
    for file in sorted(run.glob("csv/version_*/metrics.csv")):
        with open(file) as lines:
            rows += list(csv.DictReader(lines))
    return torch.tensor([[float(row[f"loss/{network}"]) for network in ("discriminator", "generator")] for row in rows])


def record(run: Path) -> dict:
    return json.loads((run / "run.json").read_text())


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_and_four_processes_follow_one(train, tiny, tmp_path, recipe):
    typed = [*tiny, *RECIPES[recipe], *COMMON, "trainer.max_steps=50", "data.batch_size=16"]
    for devices in (1, 2, 4):
        done = train(*typed, f"trainer.devices={devices}", f"hydra.run.dir={devices}")
        assert done.returncode == 0, done.stderr
    one, two, four = (losses(tmp_path / name) for name in ("1", "2", "4"))
    if os.environ.get("SHOW"):
        for i in range(0, 50, 7): print(recipe, i + 1, one[i].tolist(), two[i].tolist(), four[i].tolist())
        print("largest", (one-two).abs().max(), (one-four).abs().max())
    assert one.shape == (50, 2)
    torch.testing.assert_close(two, one, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(four, one, rtol=1e-3, atol=1e-4)
