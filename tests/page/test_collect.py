"""Reading goes on, whatever state a run's folder is in."""

import pytest
from past_runs import evaluation, write_run

from ganexp.errors import UserError
from ganexp.page import collect


def test_runs_are_found_at_any_depth_in_the_order_of_their_numbers(tmp_path):
    for name in ("sweep/10_a", "sweep/9_a", "alone"):
        write_run(tmp_path / name)
    assert [run.name for run in collect.runs(tmp_path)] == ["alone", "sweep/9_a", "sweep/10_a"]
    assert [run.name for run in collect.runs(tmp_path / "alone")] == ["alone"]


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (None, "no run.json"),
        ("", "cannot be read"),
        ('{"status": "fin', "cannot be read"),
        ("[1]", "does not hold a record"),
        ("{}", "does not say how it went"),
        ('{"evaluation": {"figures": [1]}, "warnings": 3, "iterations": "?", "seed": null}', "does not say"),
    ],
)
def test_a_record_that_is_not_there_or_broken_is_told(tmp_path, contents, words):
    run = write_run(tmp_path / "run")
    (run / "run.json").unlink()
    if contents is not None:
        (run / "run.json").write_text(contents)
    (found,) = collect.runs(tmp_path)
    assert found.status == "unknown" and any(words in note for note in found.notes)


def test_a_run_says_why_it_failed_and_what_it_warned_of(tmp_path):
    write_run(tmp_path / "run", record={"status": "failed", "why": "a reason", "warnings": ["a warning"]})
    (found,) = collect.runs(tmp_path)
    assert found.status == "failed" and found.notes == ("a reason", "a warning")


def test_a_run_that_has_only_begun_is_one_too(tmp_path):
    run = write_run(tmp_path / "run", record={"status": "running"}, steps=(10,))
    (run / ".hydra" / "overrides.yaml").unlink()
    (run / ".hydra" / "hydra.yaml").write_text("{broken")
    (found,) = collect.runs(tmp_path)
    assert found.status == "running" and found.reached == 10 and found.settings["model.hidden"] == "256"


def test_figures_of_an_older_version_that_have_no_card_are_not_compared(tmp_path):
    write_run(tmp_path / "run", record={"evaluation": {"figures": {"fid_x": 3.0}}})
    (found,) = collect.runs(tmp_path)
    assert not found.figures and "no card" in found.notes[0]


def test_no_run_is_a_mistake(tmp_path):
    with pytest.raises(UserError, match="no run below it"):
        collect.runs(tmp_path)


@pytest.mark.parametrize("record", [{"status": "interrupted"}, {"iterations": 20_000}])
def test_figures_from_before_a_resume_are_not_those_of_the_longer_run(tmp_path, record):
    evaluated = {"iterations": 10_000, "evaluation": evaluation(1.0) | {"iterations": 10_000}}
    write_run(tmp_path / "run", record=evaluated | record)
    (found,) = collect.runs(tmp_path)
    assert found.figures == {} and "its figures were those of 10000 iterations" in found.notes[-1]


def test_a_run_may_stand_in_a_folder_of_any_name(tmp_path):
    write_run(tmp_path / "samples" / "run", steps=(10,))
    assert [run.name for run in collect.runs(tmp_path)] == ["samples/run"]


def test_the_classes_mean_is_a_figure_and_single_classes_are_not(tmp_path):
    measured = evaluation(1.0)
    measured["figures"]["fid_mnist_cnn_v1/mean"] = 7.0
    write_run(tmp_path / "run", record={"evaluation": measured})
    (found,) = collect.runs(tmp_path)
    assert found.figures.keys() == {"fid_mnist_cnn_v1", "recall", "fid_mnist_cnn_v1/mean"}
