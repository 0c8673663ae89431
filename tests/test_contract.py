"""The keys and file names that users' scripts rely on, a line each in `tests/contract.txt`.

After a change on purpose, `python tests/test_contract.py` writes that file anew. Its difference belongs into the notes
of the release: a line that is gone breaks somebody's script.
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY, make_evaluator, options, type_in
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from ganexp.config import CONF, register_resolvers

GOLDEN = Path(__file__).with_name("contract.txt")


def keys(node: Any, prefix: str = "") -> Iterator[str]:
    """Every key of nested dicts, such as `trainer.max_steps`."""
    if isinstance(node, dict) and node:
        for key, child in node.items():
            yield from keys(child, f"{prefix}.{key}".lstrip("."))
    else:
        yield prefix


def configurations() -> set[str]:
    """The keys of each command, and those of each option, which a file says by itself."""
    found = set()
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for command in (path.stem for path in CONF.glob("*.yaml")):
            composed = OmegaConf.to_container(compose(command), resolve=False)
            found |= {f"python -m ganexp.{command} {key}=" for key in keys(composed)}
    for group in (path.name for path in CONF.iterdir() if path.is_dir()):
        for option in options(group):
            text = (CONF / group / f"{option}.yaml").read_text()
            package = re.match(r"# @package (\S+)", text)
            prefix = package[1].replace("_global_", "") if package else group
            node = OmegaConf.to_container(OmegaConf.create(text)) or {}
            assert isinstance(node, dict)
            node.pop("defaults", None)
            # A recipe may set other keys tomorrow; that there is one of its name is what is promised.
            found |= {f"{group}={option} {key}" for key in keys(node, prefix) if group != "model"} or {
                f"model={option}"
            }
    return found


def results(folder: Path, evaluator: Path, second: Path) -> set[str]:
    """The files of a conditional run, and the keys that it and an evaluation of it write."""
    own = ["data.n=256", f"data.evaluator={evaluator}", f"data.second_evaluator={second}", "evaluation.every=2"]
    typed = [
        *TINY,
        *own,
        "samples.every=2",
        "evaluation.samples=100",
        "evaluation.final=120",
        "model.conditional=true",
        "hydra.run.dir=run",
    ]
    for command, arguments in (("train", typed), ("evaluate", ["run=run", "n=100", "device=cpu", "out=out.json"])):
        done = type_in(folder, command, *arguments)
        assert done.returncode == 0, done.stderr
    run = folder / "run"
    names = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    first, *_, at_the_end, _ = (run / "metrics.jsonl").read_text().splitlines()
    written = {
        "run.json": (run / "run.json").read_text(),
        "metrics.jsonl while training": first,
        "metrics.jsonl at the end": at_the_end,
        "evaluate out=": (folder / "out.json").read_text(),
    }
    found = {f"file {re.sub(r'tfevents.*', 'tfevents.…', name)}" for name in names}
    return found | {f"{name}: {key}" for name, text in written.items() for key in keys(json.loads(text))}


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory, fake_evaluator: Path, second_evaluator: Path) -> set[str]:
    return configurations() | results(tmp_path_factory.mktemp("contract"), fake_evaluator, second_evaluator)


def test_nothing_that_is_promised_is_gone(now):
    assert sorted({*GOLDEN.read_text().splitlines()} - now) == [], __doc__


def test_nothing_is_new_that_is_not_promised(now):
    assert sorted(now - {*GOLDEN.read_text().splitlines()}) == [], __doc__


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        evaluator = make_evaluator(Path(scratch, "fake_cnn.pt"))
        second = make_evaluator(Path(scratch, "fake_lenet.pt"), "lenet")
        promised = configurations() | results(Path(scratch), evaluator, second)
    GOLDEN.write_text("".join(f"{line}\n" for line in sorted(promised)))
    print(f"{len(promised)} lines are in {GOLDEN}", file=sys.stderr)
