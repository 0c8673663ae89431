"""docs/extending.md, followed literally."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "extending.md").read_text()
FILES = dict(re.findall(r"^`([\w/]+\.(?:py|yaml))`\n\n```(?:python|yaml)\n(.*?)^```$", TEXT, re.M | re.S))
COMMANDS = re.findall(r"^python -m .*$", TEXT, re.M)
MODULES = [name.removesuffix(".py") for name in FILES if name.endswith(".py")]
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


def test_the_guide_has_a_python_file_and_a_yaml_for_each():
    assert sorted(FILES) == [
        "bars.py",
        "mine/callback/variety.yaml",
        "mine/data/bars.yaml",
        "mine/loss/smooth_hinge.yaml",
        "mine/network/tiny_conv.yaml",
        "smooth_hinge.py",
        "tiny_conv.py",
        "variety.py",
    ]


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with the guide's files, from which Python imports as it does for `python -m`."""
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for module in MODULES:
        sys.modules.pop(module, None)


# What makes a command short, by a word in it.
CHEAP = {
    "ganexp.train": SHORT,
    "callback=variety": ["callback.variety.every=2", "evaluation.every=0"],
}


@pytest.mark.slow
def test_from_outside_the_project(outside, type_):
    commands = [shlex.split(command) for command in COMMANDS if "--config-dir" in command]
    assert [name for _, _, name, *_ in commands].count("ganexp.train") == 3 == len(commands) - 1
    for python, _, name, *typed in commands:
        assert python == "python"
        short = [word for key, words in CHEAP.items() if key in (name, *typed) for word in words]
        done = type_(name.removeprefix("ganexp."), *typed, *short)
        assert done.returncode == 0, done.stderr
        if name == "ganexp.train":
            assert (outside / "run" / "samples" / "step-000004.png").is_file()
            curves = b"".join(path.read_bytes() for path in (outside / "run").glob("events.out.tfevents.*"))
            assert (b"variety" in curves) == ("callback=variety" in typed)
            shutil.rmtree(outside / "run")


@pytest.mark.slow
def test_a_run_from_outside_is_resumed_and_evaluated_without_naming_the_folder_again(outside, type_):
    typed = ["--config-dir", "mine", "data=bars", "data.n=100", "network=tiny_conv", "model.hidden=8"]
    short = ["trainer.accelerator=cpu", "evaluation.every=0", "hydra.run.dir=run"]
    for command, *arguments in (
        ["train", *typed, *short, "trainer.max_steps=2"],
        ["train", "resume=run", "trainer.max_steps=4"],
        ["train", "--config-dir=mine", "trainer.max_steps=6", "resume=run"],
        ["evaluate", "run=run", "n=100", "data.evaluator=mnist_cnn_v1", "device=cpu"],
    ):
        done = type_(command, *arguments)
        assert done.returncode == 0, done.stderr
    record = json.loads((outside / "run" / "run.json").read_text())
    assert record["iterations"] == 6 and f"--config-dir={outside / 'mine'}" in record["command"]


@pytest.mark.slow
def test_from_inside_the_project(tmp_path):
    """In a copy of it."""
    copy = tmp_path / "ganexp"
    for part in ("src", "conf"):
        shutil.copytree(ROOT / part, copy / part)
    for kind, name in (("networks", "tiny_conv"), ("data", "bars"), ("callbacks", "variety")):
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
    python, *typed = shlex.split(inside)
    assert python == "python"
    environment = os.environ | {"PYTHONPATH": str(copy / "src")}
    done = subprocess.run(
        [sys.executable, *typed, *SHORT], cwd=tmp_path, env=environment, text=True, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "samples" / "step-000004.png").is_file()
