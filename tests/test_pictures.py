"""Between tensors and what one looks at."""

import os
import resource

import torch
from PIL import Image

from ganexp.pictures import animate, grid, to_uint8


def test_a_level_comes_back_as_itself_and_what_lies_between_goes_to_the_nearest():
    levels = torch.arange(256)
    assert to_uint8(levels / 127.5 - 1).tolist() == levels.tolist()
    assert to_uint8((levels + 0.4) / 127.5 - 1).tolist() == levels.tolist()


def test_what_lies_outside_is_clamped():
    assert to_uint8(torch.tensor([-2.0, 2.0])).tolist() == [0, 255]


def test_tiles_come_row_by_row_on_mid_grey():
    sheet = grid(torch.arange(1, 6, dtype=torch.uint8).view(5, 1, 1, 1).expand(5, 1, 2, 2), columns=3, gap=1)[0]
    assert sheet.shape == (7, 10)
    assert sheet[1:6:3, 1:9:3].tolist() == [[1, 2, 3], [4, 5, 96]]
    assert (sheet[0] == 96).all() and (sheet[:, 3] == 96).all()


def test_an_animation_has_more_frames_than_files_may_be_open(tmp_path):
    frames = [tmp_path / f"{i}.png" for i in range(100)]
    for i, frame in enumerate(frames):
        Image.new("L", (4, 4), 2 * i).save(frame)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    least = os.dup(0)  # The first number that is free.
    os.close(least)
    resource.setrlimit(resource.RLIMIT_NOFILE, (least + 20, hard))
    try:
        animate(frames, tmp_path / "all.gif")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert Image.open(tmp_path / "all.gif").n_frames == 100
