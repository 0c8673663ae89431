"""A lock ends with its process."""

import fcntl
import threading
import time

import pytest
from conftest import child, kill

from ganexp.files import lock


def test_a_second_process_does_not_get_the_lock_until_the_first_one_dies(tmp_path):
    file = tmp_path / "lock"
    process = child(
        "from ganexp.files import lock\nwith lock.held(path):\n    print('ready', flush=True); time.sleep(60)", file
    )
    try:
        assert lock.is_held(file)
        with pytest.raises(BlockingIOError), lock.held(file):
            pass
    finally:
        kill(process)
    assert not lock.is_held(file)
    with lock.held(file):
        assert lock.is_held(file)


def test_asking_for_a_lock_does_not_keep_others_from_it(tmp_path):
    file = tmp_path / "lock"
    file.touch()
    with open(file, "rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        threading.Timer(0.15, lambda: fcntl.flock(asking, fcntl.LOCK_UN)).start()
        began = time.monotonic()
        with lock.held(file):
            assert time.monotonic() - began < 1


def test_without_a_file_nobody_holds_the_lock_and_none_is_made(tmp_path):
    assert not lock.is_held(tmp_path / "lock")
    assert not list(tmp_path.iterdir())
