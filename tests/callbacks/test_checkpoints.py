"""Checkpoints while a run trains."""

import os

import pytest
import torch
from toys import Looks, fit, gan, mlp, objectives, same, weights

from ganexp.callbacks.checkpoints import Checkpoints
from ganexp.run_folder import checkpoints
from ganexp.run_folder.folder import RunFolder


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder(tmp_path)


def there(folder: RunFolder) -> dict[str, int]:
    """The iteration of each checkpoint, by its name."""
    return {path.stem: checkpoints.read(path)["global_step"] for path in sorted(folder.checkpoints.iterdir())}


@pytest.mark.parametrize(
    ("every", "keep", "expected"),
    [
        (2, 2, {"last": 7, "step-000004": 4, "step-000006": 6}),
        (3, 5, {"last": 7, "step-000003": 3, "step-000006": 6}),
        (2, 0, {"last": 7}),
        (0, 2, {"last": 7}),
        (7, 1, {"last": 7, "step-000007": 7}),
    ],
)
def test_the_last_one_and_the_newest_numbered_ones_are_kept(folder, every, keep, expected):
    fit(gan(), 7, Checkpoints(folder, every, keep))
    assert there(folder) == expected


def test_a_disk_without_links_keeps_copies(folder, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    fit(gan(), 4, Checkpoints(folder, 2, 2))
    assert there(folder) == {"last": 4, "step-000002": 2, "step-000004": 4}


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(folder, monkeypatch):
    write, calls = torch.save, iter(range(10))

    def fail(contents, file):
        if next(calls) >= 1:
            file.write(b"half")
            raise OSError("No space left on device")
        write(contents, file)

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        fit(gan(), 4, Checkpoints(folder, 2, 0))
    assert there(folder) == {"last": 2}


def test_a_checkpoint_holds_no_pictures(folder):
    fit(gan(ema_decay=0.9), 1, Checkpoints(folder, 0, 0))
    keys = checkpoints.read(folder.last)["state_dict"].keys()
    assert {key.partition(".")[0] for key in keys} == {"generator", "discriminator", "ema"}


def test_a_training_that_goes_on_from_a_checkpoint_ends_where_an_uninterrupted_one_ends(folder):
    def train(steps, checkpoint=None):
        module = gan(objectives(mlp(dropout=0.4)), ema_decay=0.9)
        return fit(module, steps, Checkpoints(folder, 3, 1), Looks(lambda gan, step: None), checkpoint=checkpoint)

    whole = weights(train(6))
    train(3)
    assert same(whole, weights(train(6, folder.last)))
