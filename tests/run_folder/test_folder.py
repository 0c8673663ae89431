"""A run's folder: its names, that one process works in it, and what its files say."""

import json
from pathlib import Path

import pytest
from conftest import child, kill

from ganexp.errors import UserError
from ganexp.files.whole import write_whole
from ganexp.run_folder.folder import RunFolder, in_order, step_of


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder(tmp_path)


def test_names_are_those_of_the_readme(folder):
    names = {
        folder.record: "run.json",
        folder.log: "train.log",
        folder.metrics: "metrics.jsonl",
        folder.config: ".hydra/config.yaml",
        folder.overrides: ".hydra/overrides.yaml",
        folder.hydra: ".hydra/hydra.yaml",
        folder.last: "checkpoints/last.ckpt",
        folder.best: "checkpoints/best.ckpt",
        folder.nan: "checkpoints/nan.ckpt",
        folder.checkpoint(2500): "checkpoints/step-002500.ckpt",
        folder.grid(500): "samples/step-000500.png",
        folder.animation: "samples/progress.gif",
        folder.neighbours(): "samples/neighbours.png",
        folder.neighbours("_raw"): "samples/neighbours_raw.png",
        folder.export: "export",
    }
    assert {str(path.relative_to(folder.path)): name for path, name in names.items()} == {n: n for n in names.values()}


def test_files_of_iterations_are_in_the_order_of_the_numbers_and_others_are_left_alone(folder):
    names = ["step-1000000.ckpt", "step-997500.ckpt", "step-997500-good.ckpt", "last.ckpt"]
    assert [path.name for path in in_order(map(Path, names))] == ["step-997500.ckpt", "step-1000000.ckpt"]
    folder.checkpoints.mkdir()
    for name in names:
        (folder.checkpoints / name).touch()
    assert folder.numbered_checkpoints() == [folder.checkpoint(997_500), folder.checkpoint(1_000_000)]
    assert (step_of(folder.grid(7)), step_of(folder.last)) == (7, None)


def test_a_second_process_is_refused_until_the_first_one_dies(folder):
    write_whole(folder.record, json.dumps({"status": "running"}))
    process = child(
        "from ganexp.run_folder.folder import RunFolder\n"
        "with RunFolder(path).locked():\n    print('ready', flush=True); time.sleep(60)",
        folder.path,
    )
    try:
        assert folder.is_locked() and folder.read_record()["status"] == "running"
        with pytest.raises(UserError, match="another process is training in this folder"), folder.locked():
            pass
    finally:
        kill(process)
    assert not folder.is_locked()
    with folder.locked():
        assert folder.read_record()["status"] == "running"
    assert folder.read_record() == {"status": "killed", "why": "Its process ended without a message."}


def test_a_folder_without_a_lock_is_not_locked_and_stays_as_it_was(folder):
    assert not folder.is_locked()
    assert not list(folder.path.iterdir())


def test_a_run_that_ends_while_its_record_is_read_was_not_killed(folder, monkeypatch):
    folder.record.write_text('{"status": "running"}')

    def end(self, if_unknown=True):
        folder.record.write_text('{"status": "finished"}')
        return False

    monkeypatch.setattr(RunFolder, "is_locked", end)
    assert folder.read_record() == {"status": "finished"}


def test_what_a_start_without_a_checkpoint_left_is_cleared_away(folder):
    left = [folder.metrics, folder.nan, folder.real, folder.grid(0), folder.row / "events", folder.csv / "metrics.csv"]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    folder.clear()
    assert not any(path.exists() for path in left)


def test_a_folder_that_is_gone_is_named_in_a_sentence(tmp_path):
    with (
        pytest.raises(UserError, match="gone: the run's folder cannot be written"),
        RunFolder(tmp_path / "gone").locked(),
    ):
        pass


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"seed": 0}', "null"])
def test_a_record_that_says_nothing_is_an_error(folder, content):
    folder.record.write_text(content)
    with pytest.raises(ValueError):
        folder.read_record()


def test_a_rewind_forgets_the_evaluations_after_an_iteration_and_lines_that_were_cut(folder):
    folder.rewind(0)
    assert not folder.metrics.exists()
    for step in (2, 4, 6):
        folder.append_metrics({"step": step})
    with open(folder.metrics, "a") as file:
        file.write('{"step": 8, "fid')
    folder.rewind(4)
    assert folder.metrics.read_text() == '{"step": 2}\n{"step": 4}\n'
