"""What `conf/` says of its keys, and the page that says it with types and ranges."""

import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from docs import keys as page
from ganexp.config import Model, Train, Trainer
from ganexp.console import keys
from ganexp.console.keys import Group, Key, Section

CONTRACT = (Path(__file__).parents[1] / "contract.txt").read_text().splitlines()
PAGE = page.PAGE.read_text()


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(keys, "CONF", tmp_path)
    (tmp_path / "loss").mkdir()
    return tmp_path


def test_the_comments_of_a_command_are_its_manual(conf):
    (conf / "train.yaml").write_text(
        "# Train a GAN.\n#\n#   python -m ganexp.train seed=1\n\n# Why this order.\ndefaults:\n  - _self_\n"
        "  - loss: hinge     # what is minimised\n  - override hydra/job_logging: plain\n\n"
        "# The run\nseed: 0  # the same each time\nout: ???\n\n# The networks: their size\n"
        "model:\n  widths: [1, 2]  # of the layers\n\n"
        "hydra:\n  run: {dir: outputs}  # the folder\n  output_subdir: null\n"
    )
    told = keys.of_command("train")
    assert (told.summary, told.examples) == ("Train a GAN.", ["python -m ganexp.train seed=1"])
    assert told.groups == [Group("loss", "hinge", "what is minimised")]
    assert told.sections == [
        Section("The run", [Key("seed", "0", "the same each time"), Key("out", "???", "")]),
        Section("The networks: their size", [Key("model.widths", "[1, 2]", "of the layers")]),
        Section("", [Key("hydra.run.dir", "outputs", "the folder")]),
    ]


def test_an_option_s_keys_are_named_as_they_are_typed(conf):
    (conf / "loss" / "hinge.yaml").write_text("# D has a margin.\n_target_: a.Hinge\nmargin: 1.0  # of D\n")
    (conf / "loss" / "other.yaml").write_text("# @package loss.other\n# More.\n# And more.\nk: 1\n")
    told = keys.option("loss", "hinge")
    assert told.words == ["D has a margin."]
    assert told.keys == [Key("loss._target_", "a.Hinge", ""), Key("loss.margin", "1.0", "of D")]
    assert keys.option("loss", "other").keys == [Key("loss.other.k", "1", "")]
    assert keys.option("loss", "other").words == ["More.", "And more."]


def test_every_section_of_training_says_what_it_is_for():
    assert all(section.heading for section in keys.of_command("train").sections)


def test_the_page_is_up_to_date():
    assert page.page() == PAGE, "docs/keys.md is stale: type python -m docs.keys"


def rows(heading: str) -> str:
    """The tables below a heading of the page, up to the next heading of its level."""
    level = heading.partition(" ")[0]
    (found,) = re.findall(rf"^{re.escape(heading)}\n(.*?)(?=^#{{2,{len(level)}}} |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return found


@pytest.mark.parametrize("command", keys.COMMANDS)
def test_the_page_has_every_key_of_a_command(command):
    promised = {
        line.removeprefix(f"python -m ganexp.{command} ").rstrip("=")
        for line in CONTRACT
        if line.startswith(f"python -m ganexp.{command} ") and "_target_" not in line
    }
    groups = {group.name for group in keys.of_command(command).groups}
    here, elsewhere = rows(f"## {command}"), rows("## Groups")
    assert promised
    for key in promised:
        assert f"`{key}`" in here or (key.partition(".")[0] in groups and f"`{key}`" in elsewhere), key


OPTIONS = [line.split(" ") for line in CONTRACT if re.fullmatch(r"\w+=\w+( \S+)?", line) and "_target_" not in line]


@pytest.mark.parametrize("group", sorted({typed.partition("=")[0] for typed, *_ in OPTIONS}))
def test_the_page_has_every_option_of_a_group_and_every_key_of_it(group):
    tables = rows(f"### {group}")
    for typed, *key in OPTIONS:
        if typed.partition("=")[0] != group:
            continue
        option = typed.partition("=")[2]
        assert f"[`{option}`](../conf/{group}/{option}.yaml)" in tables
        if group in ("experiment", "model", "callback") or not key or key == [group]:
            continue
        own = key[0].replace(f"{group}.{option}.", f"{group}.OPTION.")
        found = [line for line in tables.splitlines() if f"`{own}`" in line or f"`{key[0]}`" in line]
        assert any("| all |" in line or option in line for line in found), key


def test_no_cell_of_the_page_is_empty():
    assert [line for line in PAGE.splitlines() if re.search(r"\|\s*\|", line)] == []


@pytest.mark.parametrize(
    ("schema", "key", "words", "allowed", "refused"),
    [
        (Train, "n_critic", "whole number from 1", [1, 2**31 - 1], [0, 2**31, 1.5]),
        (Train, "ema_decay", "number from 0, below 1", [0, 0.999], [-0.1, 1]),
        (Train, "decay_to", "number from 0 to 1", [0, 1], [-0.1, 1.1]),
        (Train, "augment", "list (`color`, `translation` or `cutout`)", [[], ["color"]], ["color", ["blur"]]),
        (Trainer, "devices", "whole number from 1 or `auto`", [1, "auto"], [0, "all", None]),
        (Model, "conditional", "`true` or `false`", [True], [2, None]),
    ],
)
def test_a_type_in_words_says_what_is_allowed(schema, key, words, allowed, refused):
    assert page.type_of(schema, key) == words
    field = TypeAdapter(schema.__dataclass_fields__[key].type)
    for value in allowed:
        field.validate_python(value)
    for value in refused:
        with pytest.raises(ValidationError):
            field.validate_python(value)
