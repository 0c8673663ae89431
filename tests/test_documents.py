"""What the documents tell people to type can be typed, and their tables say what is there."""

import json
import re
import shlex
from pathlib import Path

import pytest
from conftest import options
from hydra import compose

from ganexp.config import Config, parse
from ganexp.evaluate import Evaluate
from ganexp.evaluator import TrainEvaluator
from ganexp.export import Export
from ganexp.report import Report
from ganexp.sample import Sample

pytestmark = pytest.mark.usefixtures("hydra")

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SCHEMAS = {
    "train": Config,
    "evaluate": Evaluate,
    "evaluator": TrainEvaluator,
    "export": Export,
    "report": Report,
    "sample": Sample,
}
COMMANDS = {
    line
    for document in DOCUMENTS
    for line in re.findall(r"^python -m ganexp\.(.*)$", document.read_text().replace("\\\n", " "), re.MULTILINE)
    if "--config-dir" not in line
    and "data=bars" not in line  # tests/test_extending.py types those.
    and "hydra/launcher" not in line
    and "hydra/sweeper" not in line  # Plugins: tests/test_launchers.py types those.
}


@pytest.mark.parametrize("line", sorted(COMMANDS))
def test_a_command_composes(line):
    command, *typed = shlex.split(line.partition("#")[0].replace("…", "x"))
    # A sweep is tried with its first value.
    overrides = [argument.partition(",")[0] for argument in typed if argument != "-m"]
    quoted = [o if " " not in o else '{}="{}"'.format(*o.split("=", 1)) for o in overrides]
    parse(compose(command, quoted), SCHEMAS[command])


def row(name: str) -> str:
    (found,) = re.findall(rf"^\| `{name}` \|(.*)\|$", DOCUMENTS[0].read_text(), re.MULTILINE)
    return found


@pytest.mark.parametrize(
    "group", ["model", "data", "network", "loss", "regularizer", "optimizer", "logger", "callback"]
)
def test_the_readme_lists_every_option(group):
    named = re.findall(r"`(\w+)`", row(group))
    assert sorted(named) == options(group)


def test_the_table_of_what_evaluators_see_is_that_of_their_cards():
    table = (ROOT / "docs" / "evaluation.md").read_text().partition("| | mnist_cnn")[2].partition("\n\n")[0]
    names = ["mnist_cnn" + table.split("|")[0].strip(), table.split("|")[1].strip()]
    for column, name in enumerate(names):
        card = json.loads((ROOT / "src" / "ganexp" / "evaluators" / f"{name}.json").read_text())
        told = [line.split("|")[2 + column].strip() for line in table.splitlines()[2:]]
        assert [float(number) for number in told] == [float(f"{distance:.3g}") for distance in card["fid"].values()]
