"""What a training prints in a terminal."""

import fcntl
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

pyte = pytest.importorskip("pyte", reason="a terminal is emulated by pyte: install the dev extra")


def terminal(folder: Path, columns: int, *typed: str) -> list[str]:
    """The lines that a terminal of so many columns shows after `python -m ganexp.train <typed>`."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 200, columns, 0, 0))
    command = [sys.executable, "-m", "ganexp.train", *typed]
    process = subprocess.Popen(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    screen = pyte.Screen(columns, 200)
    stream = pyte.ByteStream(screen)
    try:
        while piece := os.read(ours, 1 << 16):
            stream.feed(piece)
    except OSError:
        pass  # How Linux says that nobody writes any more.
    os.close(ours)
    process.wait()
    return [line.rstrip() for line in screen.display]


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 40])
def test_lines_never_share_a_line_with_the_bar(tmp_path, measured, columns):
    lines = terminal(tmp_path, columns, *measured, "trainer.max_steps=40", "evaluation.every=10", "hydra.run.dir=r")
    bars = [line for line in lines if line.startswith("training:")]
    assert len(bars) == 1, "each line stands above the one bar"
    assert bars[0].startswith("training: 100%")
    whole = "".join(line.ljust(columns) for line in lines)
    for step in (10, 20, 30, 40):
        assert f"iteration     {step}  FID" in whole
    assert sum(line.startswith("iteration") for line in lines) == 4


@pytest.mark.slow
def test_an_error_stands_below_the_bar(tmp_path, tiny):
    typed = [*tiny, "trainer.max_steps=400", "optimizer.generator.lr=1e30", "hydra.run.dir=r"]
    lines = terminal(tmp_path, 80, *typed)
    assert any(line.startswith("Stopped at iteration") for line in lines)


def test_a_training_says_at_once_what_it_trains(train, tiny):
    said = train(*tiny, "hydra.run.dir=r").stderr
    lines = said.splitlines()
    assert lines[0] == "Run folder: r"
    assert lines[1] == "Data: 64 Fake, 28 x 28, grey, 10 classes"
    assert lines[2].startswith("Networks: generator of ") and "parameters" in lines[2]
    assert lines[3].endswith("4 iterations of 8 pictures")
    assert [line.split(":")[0] for line in lines[-3:]] == ["Done", "Pictures", "Curves"]
    assert all(len(line) <= 80 for line in lines[-3:])


def test_the_layers_of_both_networks_can_be_printed(train, tiny):
    said = train(*tiny, "model.summary=true", "hydra.run.dir=r").stderr
    assert "Linear" in said and "in all" in said and "1 x 28 x 28" in said


def test_spectral_norm_is_no_layer(train, tiny):
    said = train(*tiny, "model=sngan", "model.hidden=8", "model.summary=true", "hydra.run.dir=r").stderr
    assert "SpectralNorm" not in said and "Conv2d" in said


def test_a_summary_changes_nothing_of_what_is_learned(train, tiny, tmp_path):
    import torch

    typed = [*tiny, "network=resnet", "regularizer=spectral_norm", "trainer.max_steps=2", "samples.every=0"]
    states = []
    for name, more in (("plain", []), ("summary", ["model.summary=true"])):
        assert train(*typed, *more, f"hydra.run.dir={name}").returncode == 0
        states.append(torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"])
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
