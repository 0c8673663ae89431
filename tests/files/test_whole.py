"""Files are whole at any moment."""

import os

import pytest
from conftest import child, kill

from ganexp.files.whole import UNFINISHED, from_here, remove_unfinished, whole, write_whole


def test_a_file_is_written_at_one_stroke_and_its_folder_is_made(tmp_path):
    path = tmp_path / "new" / "file"
    for content in ("one", b"two"):
        write_whole(path, content)
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["file"]


def test_a_file_is_on_the_disk_before_it_takes_the_old_one_s_place(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, lambda *_, name=name: done.append(name))
    write_whole(tmp_path / "file", "content")
    assert done == ["fsync", "replace"]


def test_a_file_stays_as_it_was_if_writing_fails(tmp_path):
    path = tmp_path / "file"
    write_whole(path, "before")
    with pytest.raises(RuntimeError), whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("the disk is full")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_stays_as_it_was_if_its_writer_is_killed_and_what_it_left_is_cleared_away(tmp_path):
    write_whole(tmp_path / "file", "before")
    process = child(
        "from ganexp.files.whole import whole\n"
        "with whole(path) as temporary:\n    temporary.write_text('half'); print('ready', flush=True); time.sleep(60)",
        tmp_path / "file",
    )
    kill(process)
    assert (tmp_path / "file").read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 2
    write_whole(tmp_path / "file", "after")
    assert os.listdir(tmp_path) == ["file"]


def test_an_unfinished_file_of_another_host_stays(tmp_path):
    other = tmp_path / f"{UNFINISHED}999999@elsewhere-run.json"
    other.touch()
    write_whole(tmp_path / "run.json", "{}")
    assert other.exists()


def test_what_any_process_left_unfinished_is_removed_and_nothing_else(tmp_path):
    for name in ("file", f"{UNFINISHED}1-file", f"below/{UNFINISHED}2-file"):
        write_whole(tmp_path / name, "content")
    remove_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["below", "file"]


def test_a_path_below_the_current_directory_is_told_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(from_here(tmp_path / "outputs" / "run")) == "outputs/run"
    assert from_here(tmp_path.parent / "run") == tmp_path.parent / "run"
