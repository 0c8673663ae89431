"""docs/extending.md, followed literally."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "extending.md").read_text()
FILES = dict(re.findall(r"^`([\w/]+\.(?:py|yaml))`\n\n```(?:python|yaml)\n(.*?)^```$", TEXT, re.M | re.S))
COMMANDS = re.findall(r"^python -m .*$", TEXT, re.M)
SHORT = [
    "model.hidden=8",
    "trainer.accelerator=cpu",
    "trainer.max_steps=4",
    "trainer.log_every_n_steps=2",
    "evaluation.every=4",
    "evaluation.samples=100",
    "evaluation.final=100",
    "hydra.run.dir=run",
]


def follow(command: str, folder: Path, **environment: str) -> None:
    """The command as it stands, made short if it trains a GAN."""
    typed = shlex.split(command)
    assert typed[0] == "python"
    short = SHORT if "ganexp.train" in command else []
    done = subprocess.run(
        [sys.executable, *typed[1:], *short],
        cwd=folder,
        env=os.environ | environment,
        text=True,
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    if short:
        assert (folder / "run" / "samples" / "step-000004.png").is_file()
        shutil.rmtree(folder / "run")


def test_the_guide_has_a_python_file_and_a_yaml_for_each():
    assert sorted(FILES) == [
        "bars.py",
        "mine/data/bars.yaml",
        "mine/loss/smooth_hinge.yaml",
        "mine/network/tiny_conv.yaml",
        "smooth_hinge.py",
        "tiny_conv.py",
    ]


def test_from_outside_the_project(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    outside = [command for command in COMMANDS if "--config-dir" in command]
    assert len(outside) == 3
    for command in outside:
        follow(command, tmp_path)


def test_a_run_from_outside_is_resumed_and_evaluated_without_naming_the_folder_again(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    typed = ["--config-dir", "mine", "data=bars", "data.n=100", "network=tiny_conv", "model.hidden=8"]
    short = ["trainer.accelerator=cpu", "evaluation.every=0", "hydra.run.dir=run"]
    for arguments in (
        ["ganexp.train", *typed, *short, "trainer.max_steps=2"],
        ["ganexp.train", "resume=run", "trainer.max_steps=4"],
        ["ganexp.train", "--config-dir=mine", "trainer.max_steps=6", "resume=run"],
        ["ganexp.evaluate", "run=run", "n=100", "data.evaluator=mnist_cnn_v1", "device=cpu"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=tmp_path, text=True, capture_output=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["iterations"] == 6 and f"--config-dir={tmp_path / 'mine'}" in record["command"]


def test_from_inside_the_project(tmp_path):
    """In a copy of it."""
    copy = tmp_path / "ganexp"
    for part in ("src", "conf"):
        shutil.copytree(ROOT / part, copy / part)
    for kind, name in (("networks", "tiny_conv"), ("data", "bars")):
        (copy / "src" / "ganexp" / kind / f"{name}.py").write_text(FILES[f"{name}.py"])
        group = kind.removesuffix("s")
        yaml = FILES[f"mine/{group}/{name}.yaml"].replace(f"_target_: {name}.", f"_target_: ganexp.{kind}.{name}.")
        (copy / "conf" / group / f"{name}.yaml").write_text(yaml)
    losses = copy / "src" / "ganexp" / "losses.py"
    imported = losses.read_text().replace("import STRICT, Share", "import STRICT, PositiveFloat, Share")
    losses.write_text(imported + FILES["smooth_hinge.py"].partition("softplus\n")[2])
    yaml = FILES["mine/loss/smooth_hinge.yaml"].replace("smooth_hinge.SmoothHinge", "ganexp.losses.SmoothHinge")
    (copy / "conf" / "loss" / "smooth_hinge.yaml").write_text(yaml)
    (inside,) = [command for command in COMMANDS if "--config-dir" not in command]
    follow(inside, tmp_path, PYTHONPATH=str(copy / "src"))
