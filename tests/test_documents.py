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
from ganexp.sweeps.sweep_folder import product

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
    and not re.search(r"evaluate run=.* data\.", line)  # The data is the run's: tests/test_evaluate.py types these.
    and "data=bars" not in line  # tests/test_extending.py types those.
    and "hydra/launcher" not in line
    and "hydra/sweeper" not in line  # Plugins: tests/sweeps/test_plugins.py types those.
}


@pytest.mark.parametrize("line", sorted(COMMANDS))
def test_a_command_composes(line):
    command, *typed = shlex.split(line.partition("#")[0].replace("…", "x"))
    overrides = [argument for argument in typed if argument != "-m"]
    quoted = [o if " " not in o else '{}="{}"'.format(*o.split("=", 1)) for o in overrides]
    first, *_ = product(quoted)
    parse(compose(command, first), SCHEMAS[command])


def row(name: str) -> str:
    (found,) = re.findall(rf"^\| `{name}` \|(.*)\|$", DOCUMENTS[0].read_text(), re.MULTILINE)
    return found


@pytest.mark.parametrize(
    "group", ["model", "data", "network", "loss", "regularizer", "optimizer", "logger", "callback"]
)
def test_the_readme_lists_every_option(group):
    named = re.findall(r"`(\w+)`", row(group))
    assert sorted(named) == options(group)


@pytest.mark.parametrize(("place", "distance"), [(1, "fid"), (2, "mind")])
def test_the_tables_of_what_evaluators_see_are_those_of_their_cards(place, distance):
    text = (ROOT / "docs" / "evaluation.md").read_text().split("| | mnist_cnn_v1")[place].partition("\n\n")[0]
    header, _, *rows = [[cell.strip() for cell in line.split("|")[:-1]] for line in text.splitlines()]
    for column, name in enumerate(["mnist_cnn_v1", *header[1:]]):
        card = json.loads((ROOT / "src" / "ganexp" / "evaluators" / f"{name}.json").read_text())
        told = [float(row[2 + column].replace(",", "")) for row in rows]
        assert told == [float(f"{value:.3g}") for value in card[distance].values()]
