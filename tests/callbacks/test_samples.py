"""The grids of a run: the same latents over time, enlarged and labelled."""

import itertools

from PIL import Image, ImageChops

from ganexp.pictures import LINE


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
