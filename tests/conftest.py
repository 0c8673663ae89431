"""What several tests share: the command as a user types it, and a run that takes no time."""

import contextlib
import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest


class Done(NamedTuple):
    returncode: int
    stderr: str


Train = Callable[..., Done]


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """`train("seed=1")` is `python -m ganexp.train seed=1` typed in `tmp_path`, without the seconds of a start."""
    from ganexp.train import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")

    def run(*typed: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["train", *typed])
        code = 0
        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            try:
                main()
            except SystemExit as end:
                code = end.code
        logging.getLogger().handlers.clear()
        os.environ["HYDRA_FULL_ERROR"] = "0"
        return Done(code, stderr.getvalue())

    return run


@pytest.fixture
def train_process(tmp_path: Path) -> Train:
    """The same, in a process of its own."""

    def run(*typed: str) -> Done:
        command = [sys.executable, "-m", "ganexp.train", *typed]
        done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True)
        return Done(done.returncode, done.stderr)

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
