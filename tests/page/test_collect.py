"""The report reads every run folder, whatever state it is in."""

import pytest
from past_runs import evaluation, write_run

from ganexp.errors import UserError
from ganexp.page import collect
from ganexp.run_folder.folder import RunFolder


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
        ("[1]", "holds no record"),
        ("{}", "holds no record"),
        ('{"evaluation": {"figures": [1]}, "warnings": 3, "iterations": "?", "seed": null}', "holds no record"),
    ],
)
def test_a_missing_or_broken_record_is_noted(tmp_path, contents, words):
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


def test_a_run_that_has_only_begun_is_listed(tmp_path):
    run = write_run(tmp_path / "run", record={"status": "running"}, steps=(10,))
    (run / ".hydra" / "overrides.yaml").unlink()
    (run / ".hydra" / "hydra.yaml").write_text("{broken")
    with RunFolder(run).locked():
        (found,) = collect.runs(tmp_path)
    assert found.status == "running" and found.reached == 10 and found.settings["model.hidden"] == "256"


def test_metrics_without_a_card_are_not_compared(tmp_path):
    write_run(tmp_path / "run", record={"evaluation": {"figures": {"fid_x": 3.0}}})
    (found,) = collect.runs(tmp_path)
    assert not found.metrics and "no card" in found.notes[0]


def test_a_folder_without_runs_is_a_mistake(tmp_path):
    with pytest.raises(UserError, match="no run below this folder"):
        collect.runs(tmp_path)


@pytest.mark.parametrize("record", [{"status": "interrupted"}, {"iterations": 20_000}])
def test_metrics_from_before_a_resume_do_not_count_for_the_longer_run(tmp_path, record):
    evaluated = {"iterations": 10_000, "evaluation": evaluation(1.0) | {"iterations": 10_000}}
    write_run(tmp_path / "run", record=evaluated | record)
    (found,) = collect.runs(tmp_path)
    assert found.metrics == {} and "its metrics were those of 10000 iterations" in found.notes[-1]


def test_a_run_may_be_in_a_folder_of_any_name(tmp_path):
    write_run(tmp_path / "samples" / "run", steps=(10,))
    assert [run.name for run in collect.runs(tmp_path)] == ["samples/run"]


def test_the_mean_of_the_classes_is_a_metric_and_single_classes_are_not(tmp_path):
    measured = evaluation(1.0)
    measured["figures"]["fid_mnist_cnn_v1/mean"] = 7.0
    write_run(tmp_path / "run", record={"evaluation": measured})
    (found,) = collect.runs(tmp_path)
    assert found.metrics.keys() == {"fid_mnist_cnn_v1", "recall", "fid_mnist_cnn_v1/mean"}


def test_a_run_whose_process_is_gone_was_killed_and_says_how_to_go_on(tmp_path):
    runs = {name: write_run(tmp_path / name, record={"status": "running"}) for name in ("alive", "gone")}
    (runs["gone"] / "checkpoints").mkdir()
    (runs["gone"] / "checkpoints" / "last.ckpt").touch()
    with RunFolder(runs["alive"]).locked():
        alive, gone = collect.runs(tmp_path)
    assert alive.is_running and not alive.notes
    assert gone.status == "killed" and not gone.is_running
    assert f"python -m ganexp.train resume={runs['gone']}" in gone.notes[-1]


def test_the_configuration_is_whole_and_the_settings_leave_out_what_is_inert(tmp_path):
    write_run(tmp_path / "run", "model.hidden=64", "logger.csv=1", seed=3)
    (found,) = collect.runs(tmp_path)
    assert found.configuration["logger.csv"] == "1" and found.configuration["seed"] == "3"
    assert found.settings["model.hidden"] == "64" and not {"logger.csv", "seed"} & found.settings.keys()


def test_the_facts_and_the_shares_of_the_classes_are_read(tmp_path):
    record = {"iterations": 20, "iterations_per_second": 12.5, "evaluation": evaluation(1.0) | {"classes": {"0": 0.75}}}
    write_run(tmp_path / "run", record=record, steps=(0, 600))
    (found,) = collect.runs(tmp_path)
    assert found.facts == {"iterations": 600, "minutes": 1.0, "iterations/s": 12.5}
    assert found.classes == {"0": 0.75}


def test_a_class_is_rare_beside_its_share_in_the_data(tmp_path):
    shares = {"a": 0.06, "b": 0.94, "c": 0.0, "d": 0.0}
    for name, data in (("new", {"a": 0.02, "b": 0.58, "c": 0.4, "d": 0.0}), ("older", None)):
        told = evaluation(5.0) | {"classes": shares} | ({"data_classes": data} if data else {})
        write_run(tmp_path / name, record={"evaluation": told})
    assert [run.rare for run in collect.runs(tmp_path)] == [("c",), ("c", "d")]
