"""Samples: a tensor for torch, a sheet for a notebook."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ganexp.pictures.samples import Samples

PLAIN = torch.arange(12 * 16, dtype=torch.uint8).reshape(12, 1, 4, 4)


@pytest.fixture
def samples() -> Samples:
    return Samples.of(PLAIN.clone(), [str(i % 3) for i in range(12)], columns=3)


def test_they_are_the_pictures(samples):
    assert isinstance(samples, Tensor) and samples.dtype == torch.uint8 and samples.shape == (12, 1, 4, 4)
    assert torch.equal(samples, PLAIN) and np.array_equal(np.asarray(samples), PLAIN.numpy())
    assert type(samples.plain()) is Tensor


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x[0],
        lambda x: x[:4],
        lambda x: x.float(),
        lambda x: x / 255,
        lambda x: x.cpu(),
        lambda x: x.contiguous(),
        lambda x: x.to(torch.uint8),
        lambda x: x.add_(0),
        lambda x: next(iter(x)),
        lambda x: x.split(4)[0],
        lambda x: torch.cat([x, x]),
        lambda x: torch.stack([x, PLAIN]),
        copy.copy,
        copy.deepcopy,
        lambda x: pickle.loads(pickle.dumps(x)),
    ],
)
def test_whatever_is_computed_from_them_is_a_plain_tensor(samples, operation):
    assert type(operation(samples)) is Tensor


def test_a_saved_file_is_read_without_ganexp(samples):
    file = io.BytesIO()
    torch.save(samples, file)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=True), PLAIN)


def test_a_notebook_shows_a_sheet_with_the_classes(samples):
    shown = Image.open(io.BytesIO(samples._repr_png_()))
    assert shown.tobytes() == samples.sheet().tobytes()
    bare = Samples.of(PLAIN, (), columns=3).sheet()
    assert shown.width == bare.width and shown.height > bare.height, "the classes stand above the columns"


def test_a_sheet_of_very_many_pictures_shows_the_first_ones():
    many = PLAIN.repeat(100, 1, 1, 1)
    assert Samples.of(many).sheet().tobytes() == Samples.of(many[:400]).sheet().tobytes()
