"""Grids of the same latents over a run."""

import numpy as np
import pytest
import torch
from PIL import Image
from toys import SHAPE, fit, gan, mlp, objectives

from ganexp.callbacks.samples import COLUMNS, ROWS, SampleGrid
from ganexp.folder import RunFolder
from ganexp.sampling import generate


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder(tmp_path)


def cells(folder: RunFolder, step: int) -> torch.Tensor:
    """The pictures of a grid, uint8 [80, 16, 16]."""
    side = SHAPE[1]
    sheet = torch.from_numpy(np.array(Image.open(folder.grid(step))))[2:, 2:]
    return sheet.unfold(0, side, side + 2).unfold(1, side, side + 2).reshape(-1, side, side)


def trained(folder: RunFolder, steps: int, every: int, **options):
    module = gan(**options)
    grid = SampleGrid(folder, every, 0, module.generator)
    return fit(module, steps, grid), grid


@pytest.mark.parametrize(("every", "steps"), [(2, [0, 2, 4, 5]), (5, [0, 5]), (0, [5])])
def test_there_is_a_grid_at_the_begin_at_every_interval_and_at_the_end(folder, every, steps):
    trained(folder, 5, every)
    assert folder.grids() == [folder.grid(step) for step in steps]
    assert getattr(Image.open(folder.animation), "n_frames", 1) == len(steps)


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_a_grid_shows_what_the_sampled_generator_makes_of_latents_that_stay(folder, decay):
    module, grid = trained(folder, 3, 2, ema_decay=decay)
    expected = generate(module.sampled_generator, grid.latent, None)[:, 0]
    assert len(expected) == COLUMNS * ROWS
    assert torch.equal(cells(folder, 3), expected)
    assert not torch.equal(cells(folder, 0), cells(folder, 3))
    assert module.generator.training


def test_each_column_of_a_conditional_grid_is_one_class():
    method = objectives(mlp(), conditional=True)
    labels = SampleGrid(RunFolder(None), 1, 0, method.generator).labels.view(ROWS, COLUMNS)
    assert torch.equal(labels, torch.arange(COLUMNS).expand(ROWS, COLUMNS))


def test_latents_are_those_of_the_seed_and_a_resumed_run_keeps_its_own():
    network = objectives().generator
    one, same, other = (SampleGrid(RunFolder(None), 1, seed, network) for seed in (0, 0, 1))
    assert torch.equal(one.latent, same.latent) and not torch.equal(one.latent, other.latent)
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.latent, other.latent)
