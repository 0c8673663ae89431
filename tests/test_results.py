"""`docs/results.md`: its rows are those of today's recipes, and it says what its files say."""

import dataclasses
import json

import pytest
import yaml

from benchmarks.results import record
from benchmarks.results.__main__ import (
    add,
    figure_of,
    joined,
    known_cells,
    page_of,
    picture_of,
    results,
    with_pictures,
    write,
)
from benchmarks.results.cells import Experiment, changes, experiments
from benchmarks.results.figure import Scale, apart, figure, points
from benchmarks.results.page import at_minutes, page, recipes_on_mnist, verdict
from benchmarks.results.record import DOCS, Result, Trained
from ganexp.errors import UserError
from ganexp.run_folder.folder import RunFolder

ROWS = sorted(path.stem for path in (DOCS / "results").glob("*.json"))
"""The names of the rows that docs/results has."""


@pytest.fixture(scope="module")
def every() -> list[Experiment]:
    """The experiments of conf/experiment; composing them takes seconds."""
    return experiments()


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_of_its_recipe_as_the_recipe_is_today(every, name):
    row, cell = record.read(name), known_cells(every).get(name)
    assert row is not None
    assert cell is not None, f"docs/results/{name}.json: no experiment of conf/experiment has this row; remove the file"
    assert changes(row.settings, cell.settings) == [], (
        f"the row {name} of docs/results.md is stale; to train it again, type\n  {cell.command(cell.seeds)}\n"
        "and with the sweep's folder\n  python -m benchmarks.results FOLDER"
    )


def test_the_page_and_its_figure_are_those_that_its_files_make(every):
    rows = results(every)
    again = "python -m benchmarks.results writes them again"
    assert page_of(DOCS).read_text(encoding="utf-8") == page(every, rows), again
    assert figure_of(DOCS).read_text(encoding="utf-8") == figure(recipes_on_mnist(every, rows)), again


def test_each_recipe_with_a_row_has_a_picture(every):
    there = {path.stem for path in figure_of(DOCS).parent.glob("*.png")}
    assert there == with_pictures(every) & results(every).keys()


def row(*scores: float, noise: float = 0.0, minutes: float = 1.0, **settings) -> Result:
    """A row with a seed for each FID; each run took so many minutes and was measured twice while it trained."""
    runs = [
        Trained(
            seed=seed,
            iterations=100,
            cpu_seconds=60 * minutes,
            device="cpu",
            versions={},
            checkpoint="best",
            step=100,
            metrics={"ema": {"fid_cnn": fid, "recall": 0.5}, "raw": {"fid_cnn": 2 * fid}},
            noise={"ema": {"fid_cnn": noise}},
            curve=[(50, 2 * fid), (100, fid)],
        )
        for seed, fid in enumerate(scores)
    ]
    card = {"evaluator": "cnn", "evaluator_sha256": "a", "reference": "MNIST train", "reference_sha256": "b"}
    card |= {"samples": 100, "seed": 0}
    return Result("python -m …", settings, card, {"fid_cnn": 0.5}, {"samples": 50, "floor": 1.0}, runs)


@pytest.mark.parametrize(
    ("better", "worse", "noise", "said"),
    [
        ([1, 1.1, 1.2, 1.1, 1], [2, 2.1, 2.2, 2.1, 2], 0.1, "**real**, p = 0.0079 with 5 seeds each"),
        ([1, 1.1, 1.2, 1.1, 1], [2, 2.1, 2.2, 2.1, 2], 2.0, "not shown, the gap is within twice the noise"),
        ([1, 9, 1, 9, 1], [2, 8, 3, 7, 4], 0.1, "not shown, p = "),
        ([1, 1.1, 1.2], [2, 2.1, 2.2, 2.1, 2], 0.1, "a hint, p = 0.018 with 3 and 5 seeds"),
        ([1], [2], 0.1, "not shown, with 1 seed each"),
    ],
)
def test_a_difference_is_real_by_noise_seeds_and_permutations(better, worse, noise, said):
    assert verdict(row(*better, noise=noise), row(*worse, noise=noise)).startswith(said)


def test_rows_that_were_measured_otherwise_are_not_compared():
    other = dataclasses.replace(row(2, 2, 2, 2, 2), card=row(2).card | {"samples": 50})
    assert verdict(row(1, 1, 1, 1, 1), other).startswith("not shown, because they were measured differently")


def test_a_run_enters_a_row_only_if_it_was_measured_in_the_same_way(tmp_path):
    both = joined(tmp_path, row(1, 2), row(3), again=False)
    assert both.scores == [3, 2]
    other = dataclasses.replace(row(3), card=row(3).card | {"evaluator_sha256": "c"})
    with pytest.raises(UserError, match=r"evaluator_sha256: a against c.*--again"):
        joined(tmp_path, row(1, 2), other, again=False)
    assert joined(tmp_path, row(1, 2), other, again=True).scores == [3]


def test_a_key_that_is_new_is_a_change_only_if_it_says_something_new():
    network = {"network._target_": "ganexp.networks.mlp.MLP"}
    assert changes(network, network | {"network.maps": 0}) == []
    assert changes(network, network | {"network.maps": 8}) == ["network.maps is 8 and was 0"]
    assert changes({"train.ema_decay": 0.9}, {"train.ema_decay": 0.99}) == ["train.ema_decay is 0.99 and was 0.9"]
    assert changes({}, {"trainer.graphs": "auto"}) == []
    gone = changes({"regularizer.r1.weight": 5.0}, {})
    assert gone == ["regularizer.r1.weight is None and was 5.0"]


def test_recipes_are_compared_at_equal_minutes_of_the_processor():
    assert at_minutes(row(4, 6, minutes=2), 1) == pytest.approx([8, 12])
    assert at_minutes(row(4, 6, minutes=2), 2) == pytest.approx([4, 6])
    assert at_minutes(row(4, 6, minutes=2), 2**0.5) == pytest.approx([32**0.5, 72**0.5])  # Half way between the two.
    assert at_minutes(row(4, 6, minutes=2), 0.5) == []  # Nothing was measured yet.
    assert at_minutes(row(4, 6, minutes=2), 4) == []  # The runs had ended.


def test_the_page_says_whether_convolutions_pay_at_equal_minutes(every):
    target = {"data._target_": "ganexp.data.mnist.MNIST", "network._target_": "ganexp.networks.mlp.MLP"}
    target["model.conditional"] = False
    labelled = target | {"model.conditional": True}
    other = target | {"network._target_": "ganexp.networks.dcgan.DCGAN"}
    rows = {"vanilla": row(9, 9.5, 10, **target), "r1gan": row(4, 4.5, 5, **target), "dcgan": row(6, 7, 8, **other)}
    rows["conditional"] = row(1, 2, 3, **labelled)  # Labels are extra information.
    text = page(every, rows)
    told = "the best with linear layers is `r1gan` (4.50 ± 0.50), with convolutions `dcgan` (7.0 ± 1.0)."
    assert f"- 1 min, without labels: {told}" in text
    assert text.index("| `r1gan` | MLP |") < text.index("| `dcgan` | DCGAN |") < text.index("| `vanilla` | MLP |")


def test_a_line_of_the_figure_is_the_median_of_its_seeds():
    assert points(row(4, 6, 20)) == [(0.5, 12), (1.0, 6)]


def test_names_in_the_figure_do_not_overlap():
    assert apart([10, 12, 14, 90], 10, 0, 100) == [10, 20, 30, 90]
    assert apart([95, 96, 97], 10, 0, 100) == [80, 90, 100]
    assert Scale(1, 100, 0, 1).ticks() == [1, 2, 5, 10, 20, 50, 100]


@pytest.fixture
def one_experiment(measured, tmp_path):
    """An experiment of two small cells with two seeds: the list that `experiments` gives, and what they share."""
    # The names of two evaluators' files would be too long for the name of a cell.
    shared = dict(word.split("=", 1) for word in measured if "second_evaluator" not in word)
    params = shared | {"train.n_critic": "1,2", "seed": "0,1"}
    folder = tmp_path / "experiment"
    folder.mkdir()
    document = {"hydra": {"sweeper": {"params": params}}}
    (folder / "recipes_linear.yaml").write_text(f"# @package _global_\n# Is it so? 4 runs.\n{yaml.safe_dump(document)}")
    return experiments(folder), [f"{key}={value}" for key, value in shared.items()]


def test_two_budgets_of_one_recipe_are_two_cells(tmp_path):
    text = "# Is it so? 2 runs.\nhydra: {sweeper: {params: {model: lsgan, trainer.max_steps: '10000,6', seed: '0'}}}\n"
    (tmp_path / "loss.yaml").write_text(f"# @package _global_\n{text}")
    (experiment,) = experiments(tmp_path)
    assert [cell.name for cell in experiment.cells] == ["lsgan", "lsgan_max_steps-6"]


@pytest.mark.slow
def test_a_row_is_made_from_nothing(train, one_experiment, tmp_path, capsys):
    every, typed = one_experiment
    docs, sweep = tmp_path / "docs", tmp_path / "s"

    done = train("-m", *typed, "train.n_critic=1", "seed=0,1", "hydra.sweep.dir=s")
    assert done.returncode == 0, done.stderr
    add(every, [sweep], docs=docs)
    write(every, docs)
    first, second = every[0].cells
    (name, found), *others = results(every, docs).items()
    assert name == first.name and not others and changes(found.settings, first.settings) == []
    records = [RunFolder(path).known_record() for path in sorted(sweep.glob("*_*"))]
    assert [run.metrics["ema"]["fid_fake_cnn"] for run in found.runs] == pytest.approx(
        [record["evaluation"]["figures"]["fid_fake_cnn"] for record in records], rel=1e-5
    )
    assert [run.cpu_seconds for run in found.runs] == [record["cpu_seconds"] for record in records]
    assert found.values("recall", "raw") and found.card["samples"] == 120 and "weights" not in found.card
    assert picture_of(docs, name).is_file()
    text = page_of(docs).read_text()
    assert f"{second.command([0, 1])}\n" in text and first.command([0]) not in text
    assert "Trainings: 2." in text

    # What is measured is not measured again, and the page can be made again from its files.
    capsys.readouterr()
    add(every, [sweep], docs=docs)
    assert "measuring" not in capsys.readouterr().err
    page_of(docs).unlink()
    write(every, docs)
    assert page_of(docs).read_text() == text

    # The command of the row that is missing trains it, and nothing else is missing then.
    _, _, _, *command = second.command(second.seeds).split()
    assert train(*command, "hydra.sweep.dir=t").returncode == 0
    add(every, [tmp_path / "t"], docs=docs)
    write(every, docs)
    assert results(every, docs).keys() == {first.name, second.name}
    assert "missing" not in page_of(docs).read_text() and " before " in page_of(docs).read_text()


def test_a_run_of_another_configuration_is_left_out(train, one_experiment, tmp_path, capsys):
    every, typed = one_experiment
    folder = tmp_path / "run"
    done = train(*typed, "train.n_critic=3", f"hydra.run.dir={folder}")
    assert done.returncode == 0, done.stderr
    add(every, [folder], docs=tmp_path / "docs")
    assert "left out, it is of no experiment" in capsys.readouterr().err
    assert not (tmp_path / "docs").exists()
    json.loads((folder / "run.json").read_text())
