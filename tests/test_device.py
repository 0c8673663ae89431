"""One way to choose a device."""

import pytest
import torch

from ganexp import device
from ganexp.errors import UserError


def test_auto_takes_a_gpu_if_there_is_one(monkeypatch):
    for there, expected in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert device.choose("auto") == torch.device(expected)


def test_a_device_that_is_not_there_gets_one_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.choose("cpu") == torch.device("cpu")
    with pytest.raises(UserError, match=r"device=cuda: this machine has no such device.*type device=cpu"):
        device.choose("cuda")
