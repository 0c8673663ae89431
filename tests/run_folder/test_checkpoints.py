"""A checkpoint is read whole, or refused in one sentence."""

import os
import pickle
import zipfile

import pytest
import torch

from ganexp.errors import UserError
from ganexp.run_folder import checkpoints
from ganexp.run_folder.folder import RunFolder

CONTENTS = {"state_dict": {"weight": torch.arange(1000.0)}, "global_step": 4}


@pytest.fixture
def path(tmp_path):
    torch.save(CONTENTS, tmp_path / "some.ckpt")
    return tmp_path / "some.ckpt"


def refused(path) -> None:
    with pytest.raises(UserError, match="not a whole checkpoint; name another one"):
        checkpoints.read(path)


def test_a_whole_checkpoint_is_read(path):
    read = checkpoints.read(path)
    assert read["global_step"] == 4 and torch.equal(read["state_dict"]["weight"], CONTENTS["state_dict"]["weight"])


def test_a_checkpoint_that_is_cut_anywhere_is_refused(path):
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(path)


def test_a_checkpoint_with_one_bit_flipped_in_its_weights_is_refused(path):
    whole = bytearray(path.read_bytes())
    place = whole.index(CONTENTS["state_dict"]["weight"].numpy().tobytes())
    whole[place + 1234] ^= 1
    path.write_bytes(whole)
    refused(path)


@pytest.mark.parametrize("contents", [{"state_dict": {}}, {"global_step": 4}, [1, 2], torch.zeros(3)])
def test_a_file_of_another_content_is_refused(path, contents):
    torch.save(contents, path)
    refused(path)


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path):
    refused(tmp_path / "nothing.ckpt")
    refused(tmp_path)


class Hostile:
    def __init__(self, victim):
        self.victim = str(victim)

    def __reduce__(self):
        return os.mkdir, (self.victim,)


@pytest.mark.parametrize("packed", ["by torch", "as a pickle", "in a zip"])
def test_nothing_in_a_file_is_executed(path, tmp_path, packed):
    victim = tmp_path / "victim"
    contents = CONTENTS | {"more": Hostile(victim)}
    if packed == "by torch":
        torch.save(contents, path)
    elif packed == "as a pickle":
        path.write_bytes(pickle.dumps(contents))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("some/data.pkl", pickle.dumps(contents, protocol=2))
            archive.writestr("some/version", "3")
    refused(path)
    assert not victim.exists()


def test_a_resume_goes_on_from_the_newest_checkpoint_that_is_whole(tmp_path):
    folder = RunFolder(tmp_path)
    folder.checkpoints.mkdir()
    for which in (900, 1000, 200_000, "last", "best"):
        torch.save(CONTENTS, folder.checkpoint(which))
    torch.save(CONTENTS | {"global_step": 200_000}, folder.last)
    for damaged, newest in ((None, "last"), ("last", 200_000), (200_000, 1000), (1000, 900)):
        if damaged is not None:
            folder.checkpoint(damaged).write_bytes(b"half")
        assert checkpoints.newest_whole(folder) == folder.checkpoint(newest)
    torch.save(CONTENTS | {"global_step": 1200}, folder.best)
    assert checkpoints.newest_whole(folder) == folder.best
    torch.save(CONTENTS, folder.best)
    folder.checkpoint(900).unlink()
    assert checkpoints.newest_whole(folder) == folder.best
    folder.best.unlink()
    with pytest.raises(UserError, match=r"^fork=.*: no whole checkpoint"):
        checkpoints.newest_whole(folder, key="fork")
