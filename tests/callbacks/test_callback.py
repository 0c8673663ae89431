"""Each callback says how often it looks, and after which others."""

import json
from pathlib import Path

import pytest
import torch
from toys import Looks, fit, gan, mlp, objectives, same, weights

from ganexp.callbacks.callback import Callback, arranged, pauses
from ganexp.callbacks.checkpoints import Checkpoints
from ganexp.run_folder import checkpoints
from ganexp.run_folder.folder import RunFolder


class First(Callback):
    pass


class Second(Callback):
    after = (First,)


class Third(Callback):
    after = (Second, First)


def test_callbacks_are_arranged_behind_those_that_they_name_and_keep_their_order_otherwise():
    third, second, first, own, another = Third(), Second(), First(), Looks(None), Looks(None)
    order = arranged([third, own, second, another, first])
    assert sorted(map(id, order)) == sorted(map(id, [third, own, second, another, first]))
    assert order.index(first) < order.index(second) < order.index(third)
    assert order.index(own) < order.index(another)
    assert arranged([own, another, first]) == [own, another, first]


def test_a_callback_may_name_its_own_kind():
    class Chained(Callback):
        pass

    Chained.after = (Chained,)
    lone = Chained()
    assert arranged([lone]) == [lone]


def test_the_training_stops_for_every_interval_that_is_asked_for():
    assert pauses([Looks(None, every) for every in (5, 2, 0, None, 5)]) == [2, 5]


def test_a_callback_looks_at_its_interval_and_one_without_an_interval_whenever_the_training_stops():
    often, seldom, never, whenever = (Looks(lambda gan, step: step, every) for every in (2, 3, 0, None))
    fit(gan(), 7, often, seldom, never, whenever)
    assert often.seen == [2, 4, 6] and seldom.seen == [3, 6] and never.seen == []
    assert {2, 3, 4, 6, 7} <= set(whenever.seen)


class Told(Callback):
    every = 2

    def __init__(self):
        self.told = []

    def begin(self, gan, step):
        self.told.append(("begin", step))

    def look(self, gan, step):
        self.told.append(("look", step))

    def end(self, gan, step):
        self.told.append(("end", step))


def test_a_callback_hears_of_the_begin_and_the_end_and_where_a_resumed_training_begins(tmp_path):
    first, second = Told(), Told()
    fit(gan(), 3, first)
    assert first.told == [("begin", 0), ("look", 2), ("end", 3)]
    first_half = fit(gan(), 3)
    first_half.trainer.save_checkpoint(tmp_path / "3.ckpt")
    fit(gan(), 5, second, checkpoint=tmp_path / "3.ckpt")
    assert second.told == [("begin", 3), ("look", 4), ("end", 5)]


@pytest.mark.parametrize("when", ["begin", "look", "end"])
@pytest.mark.parametrize("draw", [lambda *_: torch.rand(3), lambda *_: torch.manual_seed(5)], ids=["draws", "seeds"])
def test_a_callback_that_draws_random_numbers_changes_nothing_of_what_is_learned_and_saved(when, draw, tmp_path):
    learned = []
    for callbacks in ([], [Drawing(when, draw)]):
        folder = RunFolder(tmp_path)
        trained = fit(gan(objectives(mlp(dropout=0.4))), 4, *callbacks, Checkpoints(folder, every=0, keep=0))
        learned.append((weights(trained), checkpoints.read(folder.last)["rng"]["cpu"]))
    assert same(learned[0][0], learned[1][0]) and torch.equal(learned[0][1], learned[1][1])


class Drawing(Callback):
    every = 1

    def __init__(self, when, draw):
        setattr(self, when, draw)


OWN = """
from pathlib import Path

from ganexp.callbacks.callback import Callback
from ganexp.fields import STRICT, Positive
from pydantic.dataclasses import dataclass


@dataclass(config=STRICT)
class Tally(Callback):
    every: Positive = 1
    out: str = "seen.txt"

    def look(self, gan, step):
        with open(self.out, "a") as file:
            print(step, sorted(gan.scalars), file=file)
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is typed for a callback that a user wrote."""
    (tmp_path / "tally.py").write_text(OWN)
    (tmp_path / "mine" / "callback").mkdir(parents=True)
    yaml = "# @package callback.tally\n_target_: tally.Tally\nevery: 3\nout: seen.txt\n"
    (tmp_path / "mine" / "callback" / "tally.yaml").write_text(yaml)
    monkeypatch.syspath_prepend(str(tmp_path))
    return ["--config-dir", "mine", "callback=tally"]


def test_a_user_s_own_callback_is_called_at_its_interval_also_after_a_resume(train, tiny, own, tmp_path):
    assert train(*own, *tiny, "trainer.log_every_n_steps=100", "hydra.run.dir=run").returncode == 0
    steps = [line.partition(" ") for line in (tmp_path / "seen.txt").read_text().splitlines()]
    assert [step for step, _, _ in steps] == ["3"] and "loss/generator" in steps[0][2]
    resumed = train("resume=run", "trainer.max_steps=6", "callback.tally.every=5")
    assert resumed.returncode == 0, resumed.stderr
    assert [line.split(" ")[0] for line in (tmp_path / "seen.txt").read_text().splitlines()] == ["3", "5"]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["iterations"] == 6


def test_a_user_s_own_callback_is_checked_as_any_other_component(train, tiny, own):
    for typed, sentence in (
        ("callback.tally.every=0", "callback.tally.every=0: must be at least 1"),
        ("+callback.tally.evry=1", "did you mean every?"),
        ("callback.tally._target_=os.system", "callback.tally._target_=os.system"),
        ("callback=[tally,none,tall]", "callback=tall: no such option"),
    ):
        done = train(*own, *tiny, typed)
        assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr
