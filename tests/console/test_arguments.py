"""The command line is read as Hydra reads it, and what a message tells to type is read back."""

import dataclasses
import shlex
from types import UnionType
from typing import get_args

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from ganexp.config import CONF, Config, register_resolvers
from ganexp.console import arguments
from ganexp.console.arguments import TEXT, Arguments, literal, override
from ganexp.errors import UserError
from ganexp.evaluate import Evaluate
from ganexp.evaluator import TrainEvaluator
from ganexp.export import Export
from ganexp.report import Report
from ganexp.sample import Sample

NAMES = [
    *(
        "plain",
        "outputs/2026-01-01_00-00-00-000001_vanilla",
        "my run (1)",
        "it's",
        'a"b',
        'it\'s a "run"',
        "a`b$c",
        "a=b",
    ),
    *(
        "a,b",
        "[a]",
        "{a}",
        "2024",
        "007",
        "1_000",
        "1e3",
        "nan",
        "true",
        "null",
        "jörg/größe",
        "画像",
        " lead",
        "trail ",
    ),
    *(
        "back\\slash",
        "end\\",
        "C:\\data\\",
        "a#b",
        "~x",
        "${x}",
        "\\${x}",
        "a;b&c|d",
        "!x",
        "*",
        "-m",
        "--help",
        "%d",
        "",
    ),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_printed_command_is_read_back_by_the_shell_by_hydra_and_by_omegaconf(name):
    typed = arguments.line("sample", override("out", name), override("seed", 3))
    python, flag, module, *rest = shlex.split(typed)
    assert (python, flag, module) == ("python", "-m", "ganexp.sample")
    read = Arguments.read(rest)
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = OmegaConf.to_container(compose("sample", read.argv), resolve=True)
    assert (composed["out"], composed["seed"]) == (name, 3)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"null", "[a]", "~x", " lead", "trail "}))
def test_a_name_is_taken_as_typed_behind_a_key_of_a_path(name):
    if "\\" not in name and "$" not in name:  # They mean something to Hydra and to OmegaConf.
        assert Arguments.read([f"run={name}"]).value("run") == name


@pytest.mark.parametrize("value", [None, True, False, 3, -1.5, 2e-4, [1, "a b"], {"a": None, "b": ["it's"]}, [], {}])
def test_a_value_is_read_back(value):
    assert Arguments.read([override("key", value)]).value("key") == value


def test_null_stays_null_and_quotes_stay_quotes():
    assert Arguments.read(["run=null"]).value("run") is None
    assert Arguments.read(["run='null'"]).value("run") == "null"
    assert Arguments.read(["run='my run'"]).value("run") == "my run"


def test_the_home_folder_is_found_as_a_shell_finds_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Arguments.read(["run=~/runs"]).value("run") == f"{tmp_path}/runs"


def test_the_names_of_a_sweep_are_text_each():
    read = Arguments.read(["data.root=2023,nan", "-m"])
    (typed,) = read.overrides
    assert [choice.text for choice in typed.sweep_iterator()] == ["2023", "nan"]
    assert read.multirun


def test_flags_may_stand_anywhere_and_come_out_first():
    read = Arguments.read(["seed=1", "-m", "run=x", "-cd", "my conf", "n=2"])
    assert read.argv == ["--multirun", "--config-dir=my conf", "seed=1", "run=x", "n=2"]
    assert read.config_dir == "my conf"


def test_overrides_stand_before_and_after_those_typed_and_the_last_one_wins():
    read = Arguments.read(["seed=1", "--cfg=job"]).around(["seed=0", "n=5"], ["out=x"], ["--config-dir=d"])
    assert read.argv == ["--config-dir=d", "--cfg=job", "seed=0", "n=5", "seed=1", "out=x"]
    assert (read.value("seed"), read.value("n"), read.value("nothing")) == (1, 5, None)
    assert Arguments.read([]).around(["seed=0"]).argv == ["seed=0"]


@pytest.mark.parametrize("typed", ["seed=1", "+seed=1", "++seed=1"])
def test_a_value_is_found_however_it_is_added(typed):
    assert Arguments.read([typed]).value("seed") == 1


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["--max_steps=4"], "--max_steps=4: a key is typed without dashes: type trainer.max_steps=4"),
        (["--max-steps", "4"], "type trainer.max_steps=…"),
        (["--epochs=4"], "iterations are trainer.max_steps=…"),
        (["-model=wgan"], "type model=wgan"),
        (["--config-name", "evaluate"], "--config-dir=DIR model=NAME"),
        (["--experimental-rerun=x"], "resume=RUN"),
        (["--cfg=x"], "choose from"),
        (["outputs/my run"], "type 'resume=outputs/my run'"),
        (["wgan"], "type model=wgan"),
        (["seed"], "type seed=…"),
        (["seed", "=", "3"], "type seed=…"),
        (["=3"], "not of the form key=value"),
        (["model.hidden=it's"], "type 'model.hidden=\"it'\"'\"'s\"'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_type(typed, sentence):
    known = ["model", "seed", "resume", "model.hidden", "trainer.max_steps"]
    with pytest.raises(UserError) as refused:
        Arguments.read(typed, known=lambda: known)
    assert sentence in str(refused.value)


def test_every_key_of_a_text_is_known_as_one():
    from ganexp.data.image_folder import ImageFolder
    from ganexp.data.mnist import MNIST

    schemas = {"": (Config, Evaluate, TrainEvaluator, Export, Report, Sample), "data.": (MNIST, ImageFolder)}
    for prefix, classes in schemas.items():
        for schema in classes:
            for field in dataclasses.fields(schema):
                name = "class" if field.name == "label" else field.name
                if field.type is str or (isinstance(field.type, UnionType) and str in get_args(field.type)):
                    assert f"{prefix}{name}" in TEXT


def test_plain_text_stays_plain():
    assert [literal(text) for text in ("outputs/a-b_1.0", "a b")] == ["outputs/a-b_1.0", "a b"]
