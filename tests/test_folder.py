"""A run's folder: its names, its lock, and files that are whole at any moment."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganexp.errors import UserError
from ganexp.folder import RunFolder, in_order, step_of, whole, write_whole


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


def test_a_file_is_written_at_one_stroke_and_its_folder_is_made(tmp_path):
    path = tmp_path / "new" / "file"
    for content in ("one", b"two"):
        write_whole(path, content)
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["file"]


def test_a_file_stays_as_it_was_if_writing_fails(tmp_path):
    path = tmp_path / "file"
    write_whole(path, "before")
    with pytest.raises(RuntimeError), whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("the disk is full")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["file"]


def child(code: str, path: Path) -> subprocess.Popen:
    """A process that runs `code`, with `path` as `sys.argv[1]`; it has printed a line when this function returns."""
    imports = (
        "import sys, time; from pathlib import Path; from ganexp.folder import RunFolder, whole; "
        "path = Path(sys.argv[1])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", imports + code, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_file_stays_as_it_was_if_its_writer_is_killed_and_what_it_left_is_cleared_away(folder):
    write_whole(folder.record, "before")
    process = child(
        "with whole(path) as temporary:\n    temporary.write_text('half'); print('ready', flush=True); time.sleep(60)",
        folder.record,
    )
    kill(process)
    assert folder.record.read_text() == "before"
    assert len(list(folder.path.iterdir())) == 2
    with folder.locked():
        assert sorted(path.name for path in folder.path.iterdir()) == [".lock", "run.json"]


def test_a_second_process_is_refused_until_the_first_one_dies(folder):
    write_whole(folder.record, json.dumps({"status": "running"}))
    process = child(
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
    assert folder.read_record() == {"status": "killed", "why": "Its process ended without a word."}


def test_a_folder_that_is_looked_at_can_be_locked(folder):
    import fcntl
    import threading

    with folder.locked():
        pass
    with open(folder.path / ".lock", "rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        threading.Timer(0.15, lambda: fcntl.flock(looking, fcntl.LOCK_UN)).start()
        began = time.monotonic()
        with folder.locked():
            assert time.monotonic() - began < 1


def test_a_folder_without_a_lock_is_not_locked_and_stays_as_it_was(folder):
    assert not folder.is_locked()
    assert not list(folder.path.iterdir())


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


def test_the_directory_of_the_start_is_none_where_the_folder_does_not_say(folder):
    assert folder.started_in() is None
    for content in ("", "[1]", "hydra: 3", "hydra: {runtime: {}}", "{", "\0"):
        write_whole(folder.hydra, content)
        assert folder.started_in() is None
    write_whole(folder.hydra, "hydra: {runtime: {cwd: /somewhere}}")
    assert folder.started_in() == Path("/somewhere")
