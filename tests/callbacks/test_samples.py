"""The grids of a run: the same latents over time, enlarged and labelled."""

import itertools

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops
from toys import SHAPE, fit, gan, mlp, objectives

from ganexp.callbacks.samples import COLUMNS, ROWS, SampleGrid
from ganexp.pictures import drawing
from ganexp.pictures.drawing import LINE
from ganexp.pictures.sampling import generate
from ganexp.run_folder.folder import RunFolder


@pytest.fixture
def tiny(tiny):
    """With grids."""
    return [*tiny, "samples.every=2"]


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder(tmp_path)


def cells(folder: RunFolder, step: int) -> torch.Tensor:
    """The pictures of a grid, uint8 [80, 16, 16], without its enlargement."""
    side = SHAPE[1]
    sheet = torch.from_numpy(np.array(Image.open(folder.grid(step))))
    factor = (sheet.shape[1] - 4) // COLUMNS // side  # The gaps of 4 pixels are narrower than a picture.
    wide = factor * side
    pictures = sheet[4:, 4:].unfold(0, wide, wide + 4).unfold(1, wide, wide + 4)
    return pictures[..., ::factor, ::factor].reshape(-1, side, side)


def trained_in(folder: RunFolder, steps: int, every: int, **options):
    module = gan(**options)
    grid = SampleGrid(folder, every, 0, module.generator, ())
    return fit(module, steps, grid), grid


@pytest.mark.parametrize(("every", "steps"), [(2, [0, 2, 4, 5]), (5, [0, 5]), (0, [5])])
def test_there_is_a_grid_at_the_begin_at_every_interval_and_at_the_end(folder, every, steps):
    trained_in(folder, 5, every)
    assert folder.grids() == [folder.grid(step) for step in steps]
    assert getattr(Image.open(folder.animation), "n_frames", 1) == len(steps)


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_a_grid_shows_what_the_sampled_generator_makes_of_latents_that_stay(folder, decay):
    module, grid = trained_in(folder, 3, 2, ema_decay=decay)
    expected = generate(module.sampled_generator, grid.latent, None)[:, 0]
    assert len(expected) == COLUMNS * ROWS
    assert torch.equal(cells(folder, 3), expected)
    assert not torch.equal(cells(folder, 0), cells(folder, 3))
    assert module.generator.training


def test_each_column_of_a_conditional_grid_is_one_class():
    method = objectives(mlp(), conditional=True)
    labels = SampleGrid(RunFolder(None), 1, 0, method.generator, tuple("0123456789")).labels.view(ROWS, COLUMNS)
    assert torch.equal(labels, torch.arange(COLUMNS).expand(ROWS, COLUMNS))


def test_real_pictures_stand_in_the_columns_of_their_classes_and_a_class_without_pictures_is_black(folder, monkeypatch):
    module = gan(objectives(mlp(), conditional=True))
    data = module.batches
    monkeypatch.setattr(data, "labels", torch.where(data.labels == 3, 4, data.labels))
    shown = []
    monkeypatch.setattr(drawing, "grid", lambda images, *_: shown.append(images) or Image.new("L", (8, 8)))
    fit(module, 1, SampleGrid(folder, 5, 0, module.generator, tuple("0123456789")))
    real, _last = shown[-2:]
    for column in range(COLUMNS):
        of_class = data.images[data.labels == column]
        for picture in real[column::COLUMNS]:
            assert (of_class == picture).all((1, 2, 3)).any() if len(of_class) else not picture.any()
    assert not real[3].any()


def test_latents_are_those_of_the_seed_and_a_resumed_run_keeps_its_own():
    network = objectives().generator
    one, same, other = (SampleGrid(RunFolder(None), 1, seed, network, ()) for seed in (0, 0, 1))
    assert torch.equal(one.latent, same.latent) and not torch.equal(one.latent, other.latent)
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.latent, other.latent)


def test_a_grid_has_ten_columns_and_eight_rows_enlarged(trained, tiny):
    with Image.open(trained(*tiny) / "samples" / "step-000000.png") as grid:
        assert grid.mode == "L" and grid.size == (4 + 10 * (3 * 28 + 4), 4 + 8 * (3 * 28 + 4))


def test_a_conditional_grid_names_the_class_of_each_column(trained, tiny):
    with Image.open(trained(*tiny, "model.conditional=true") / "samples" / "step-000000.png") as grid:
        assert grid.height == LINE + 4 + 8 * (3 * 28 + 4)


def test_the_animation_says_the_iteration_of_each_frame(trained, tiny):
    with Image.open(trained(*tiny) / "samples" / "progress.gif") as animation:
        captions = []
        for i in range(animation.n_frames):
            animation.seek(i)
            captions.append(animation.convert("L").crop((0, 0, animation.width, LINE)))
    assert len(captions) == 3
    assert all(ImageChops.difference(*pair).getbbox() for pair in itertools.pairwise(captions))
