"""`run.json`: what a run is and how it went, at any time."""

import json

import pytest
import torch

from ganexp.errors import UserError
from ganexp.run_folder.folder import RunFolder
from ganexp.run_folder.record import Record, headline


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def test_while_a_run_goes_on_its_record_says_so_and_with_what_it_runs(folder):
    with folder.locked(), Record(folder).keep(command="python -m ganexp.train", seed=3):
        record = folder.read_record()
    assert record["status"] == "running" and record["command"] == "python -m ganexp.train" and record["seed"] == 3
    assert record["versions"]["torch"] == torch.__version__ and {"started", "git_commit"} <= record.keys()
    assert folder.read_record() == record | {"status": "finished"}


@pytest.mark.parametrize(
    ("end", "status", "why"),
    [
        (KeyboardInterrupt("SIGTERM"), "interrupted", "SIGTERM"),
        (KeyboardInterrupt(), "interrupted", "KeyboardInterrupt"),
        (UserError("model.hidden=0: too small"), "failed", "model.hidden=0: too small"),
        (ZeroDivisionError("by zero"), "failed", "ZeroDivisionError: by zero"),
        (SystemExit(1), "interrupted", "SystemExit"),
    ],
)
def test_an_end_is_told_with_its_reason_and_goes_on_to_its_caller(folder, end, status, why):
    with pytest.raises(type(end)), Record(folder).keep():
        raise end
    record = folder.read_record()
    assert (record["status"], record["why"]) == (status, why)


def test_a_resumed_run_keeps_what_it_knew_but_for_the_reason_of_its_end(folder):
    with pytest.raises(KeyboardInterrupt), Record(folder).keep(seed=3):
        raise KeyboardInterrupt("SIGINT")
    folder.record.write_text(json.dumps(folder.read_record() | {"warnings": ["seen"]}))
    with Record(folder, resumed=True).keep():
        pass
    record = folder.read_record()
    assert record["status"] == "finished" and record["seed"] == 3 and record["warnings"] == ["seen"]
    assert "why" not in record


def test_the_headline_is_the_fid_of_the_evaluator_whatever_its_name():
    figures = {"fid_test_test_cnn": 1.0, "fid_test_cnn": 2.0, "fid_test_cnn/mean": 3.0, "fid_other": 4.0}
    assert headline({"evaluation": {"figures": figures, "card": {"evaluator": "test_cnn"}}}) == 2.0
    assert headline({"evaluation": {"figures": {"fid_a": float("nan")}, "card": {"evaluator": "a"}}}) is None
    assert headline({}) is None


def test_a_new_run_in_the_same_folder_forgets_the_old_one(folder):
    Record(folder).write(warnings=["old"])
    Record(folder).write(seed=1)
    assert json.loads(folder.record.read_text()) == {"seed": 1}
