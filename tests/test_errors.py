from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Lt
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ganexp.console import manual, refusals
from ganexp.errors import did_you_mean, from_validation, no_such_key
from ganexp.fields import STRICT
from ganexp.synonyms import SYNONYMS


def test_a_near_miss_is_named_before_all_that_is_known():
    assert did_you_mean("vanila", ["wgan", "vanilla"]) == "did you mean vanilla? Known: vanilla, wgan"


def test_of_many_keys_the_near_one_stands_alone_and_a_last_part_is_enough():
    keys = [f"section.key{i}" for i in range(30)] + ["optimizer.generator.lr", "optimizer.discriminator.lr"]
    assert did_you_mean("section.kye7", keys) == "did you mean section.key7?"
    assert did_you_mean("lr", keys) == "did you mean optimizer.discriminator.lr or optimizer.generator.lr?"


def test_keys_of_what_was_chosen_are_known(type_):
    done = type_("train", "data=image_folder", "data.root=x", "data.image_sise=64")
    assert "did you mean data.image_size?" in done.stderr


def test_where_nothing_is_near_all_that_is_known_is_named():
    assert did_you_mean("zebra", ["wgan", "vanilla"]) == "Known: vanilla, wgan"


@pytest.mark.parametrize(
    "typed", ["evaluate run=nowhere", "evaluator out=here", "export run=nowhere", "report root=nowhere", "sample run=x"]
)
def test_a_mistake_leaves_nothing_in_the_folder_one_is_in(type_, typed, tmp_path):
    assert type_(*typed.split()).returncode == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("typed", ["hydra.run.dir=file/run", "-m hydra.sweep.dir=file/runs"], ids=["run", "sweep"])
def test_a_folder_that_cannot_be_made_is_named_in_a_sentence(type_, typed, tmp_path):
    (tmp_path / "file").touch()
    done = type_("train", "data=fake", *typed.split(), "trainer.max_steps=1")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "file/run" in done.stderr and "name another: hydra." in done.stderr


def test_a_log_that_cannot_be_written_is_named_in_a_sentence(type_, tmp_path):
    (tmp_path / "run/train.log").mkdir(parents=True)
    done = type_("train", "data=fake", "trainer.max_steps=1", "hydra.run.dir=run")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "run/train.log" in done.stderr


def test_every_word_of_another_tool_is_answered_with_a_key_that_some_command_has():
    known = {key for name in manual.COMMANDS for key in refusals.taken(name)}
    assert {ours for ours, _, _ in SYNONYMS} <= known


@pytest.mark.parametrize(
    ("word", "ours"), [("Learning-Rate", "lr"), ("train.nz", "latent_dim"), ("model.epochs", "steps")]
)
def test_a_word_of_another_tool_is_known_in_any_section_and_spelling(word, ours):
    known = ["seed", "optimizer.generator.lr", "model.latent_dim", "trainer.max_steps"]
    assert no_such_key(word, known).startswith(f"{word}: no such key; ") and ours in no_such_key(word, known)


def test_a_word_is_not_taught_by_a_command_that_lacks_the_key():
    assert no_such_key("epochs", ["run", "out"]) == "epochs: no such key; Known: out, run"


def test_every_error_of_a_type_is_told_in_words_of_ours():
    @dataclass(config=STRICT)
    class Typed:
        whole: int
        number: float
        choice: bool
        text: str
        among: Literal["ema", "raw"]
        share: Annotated[float, Ge(0), Lt(1)]
        pair: tuple[float, float]
        section: dict[str, int]

    wrong = {
        "whole": 1.5,
        "number": "x",
        "choice": "maybe",
        "text": [1],
        "among": "avg",
        "share": 1,
        "pair": 3,
        "section": None,
    }
    with pytest.raises(ValidationError) as found:
        TypeAdapter(Typed).validate_python(wrong)
    assert str(from_validation(found.value, "key")).splitlines() == [
        "key.whole=1.5: must be a whole number",
        "key.number=x: must be a number",
        "key.choice=maybe: must be true or false",
        "key.text=[1]: must be one text",
        "key.among=avg: must be ema or raw",
        "key.share=1: must be less than 1",
        "key.pair=3: must be a list: type key.pair=[3]",
        "key.section=null: is a group of keys, not one value",
    ]
