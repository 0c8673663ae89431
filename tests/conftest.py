"""What several tests share: the command as a user types it, and a run that takes seconds."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Train = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """`train("seed=1")` runs `python -m ganexp.train seed=1` in `tmp_path`."""

    def run(*overrides: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ganexp.train", *overrides],
            cwd=tmp_path,
            env={**os.environ, "PYTHONWARNINGS": "default"},
            text=True,
            capture_output=True,
        )

    return run


@pytest.fixture
def tiny() -> list[str]:
    """Overrides for a run of four iterations on made-up pictures."""
    return [
        "data=fake",
        "data.n=64",
        "data.image_size=28",
        "data.channels=1",
        "data.batch_size=8",
        "model.hidden=8",
        "trainer.max_steps=4",
        "trainer.accelerator=cpu",
        "trainer.log_every_n_steps=2",
        "samples.every=2",
        "checkpoint.every=2",
    ]
