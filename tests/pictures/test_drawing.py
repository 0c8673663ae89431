"""Tensors become pictures that one can look at on a screen and on a slide."""

import os
import resource

import pytest
import torch
from PIL import Image, ImageChops

from ganexp.pictures import drawing
from ganexp.pictures.drawing import GREY, LINE, animate, captioned, columns_of, enlarged, grid, to_uint8


def digits(n: int, side: int = 28, channels: int = 1) -> torch.Tensor:
    return torch.randint(0, 256, (n, channels, side, side), dtype=torch.uint8)


def levels(image: Image.Image) -> torch.Tensor:
    """uint8 [H, W]"""
    return torch.frombuffer(bytearray(image.convert("L").tobytes()), dtype=torch.uint8).view(image.height, image.width)


@pytest.fixture
def written(monkeypatch):
    """The texts of a picture with their places, in the order in which they are written."""
    texts = []
    write = drawing._write

    def note(picture, text, x, y, width):
        texts.append((text, x, y))
        write(picture, text, x, y, width)

    monkeypatch.setattr(drawing, "_write", note)
    return texts


def test_every_level_comes_back_as_itself_and_a_value_between_two_goes_to_the_nearer():
    levels = torch.arange(256)
    assert to_uint8(levels / 127.5 - 1).tolist() == levels.tolist()
    assert to_uint8((levels + 0.4) / 127.5 - 1).tolist() == levels.tolist()


def test_values_outside_are_clamped():
    assert to_uint8(torch.tensor([-2.0, 2.0])).tolist() == [0, 255]


@pytest.mark.parametrize(
    ("n", "columns"), [(1, 1), (2, 2), (7, 3), (10, 5), (16, 4), (20, 5), (64, 8), (80, 10), (100, 10), (250, 25)]
)
def test_n_pictures_have_the_same_shape_everywhere(n, columns):
    assert columns_of(n) == columns
    small = digits(n, 4)
    assert grid(small).tobytes() == grid(small, columns).tobytes()


def test_pictures_come_row_by_row_on_grey_and_every_pixel_is_a_square():
    shades = torch.tensor([1, 2, 3, 4, 5], dtype=torch.uint8).view(5, 1, 1, 1)
    sheet = levels(grid(shades.expand(5, 1, 2, 2), columns=3))
    side = 2 * (256 // 2)
    assert sheet.shape == (4 + 2 * (side + 4), 4 + 3 * (side + 4))
    middles = sheet[4 + side // 2 :: side + 4, 4 + side // 2 :: side + 4]
    assert middles.tolist() == [[1, 2, 3], [4, 5, GREY]]
    assert (sheet[:4] == GREY).all() and (sheet[:, 4 + side : 8 + side] == GREY).all()


@pytest.mark.parametrize(
    ("n", "side", "size"),
    [
        (80, 28, (884, 708)),  # three times
        (80, 32, (1004, 804)),
        (80, 64, (662, 530)),  # once
        (1, 28, (260, 260)),  # a single picture is not enlarged without limit
        (2500, 28, (1502, 1502)),  # nothing is made smaller
    ],
)
def test_a_grid_is_enlarged_by_a_whole_factor_to_some_thousand_pixels(n, side, size):
    assert grid(digits(n, side)).size == size


def test_colours_stay_as_they_are():
    images = digits(4, 32, 3)
    sheet = grid(images)
    assert sheet.mode == "RGB" and sheet.getpixel((4, 4)) == tuple(images[0, :, 0, 0].tolist())


def test_a_label_that_a_column_shares_stands_above_it_once(written):
    plain = grid(digits(6), 3)
    sheet = grid(digits(6), 3, ["cat", "dog", "owl"] * 2)
    assert [text for text, _, _ in written] == ["cat", "dog", "owl"]
    assert len({y for _, _, y in written}) == 1
    assert sheet.size == (plain.width, plain.height + LINE)


def test_a_label_that_a_row_shares_stands_beside_it_once(written):
    plain = grid(digits(6), 3)
    sheet = grid(digits(6), 3, ["sample"] * 3 + ["real"] * 3)
    assert [text for text, _, _ in written] == ["sample", "real"]
    assert len({x for _, x, _ in written}) == 1
    assert sheet.height == plain.height and sheet.width > plain.width


def test_a_label_that_all_share_stands_above_the_grid(written):
    grid(digits(6), 3, ["cat"] * 6)
    assert [text for text, _, _ in written] == ["cat"]


def test_other_labels_stand_below_their_pictures(written):
    labels = ["cat", "dog", "dog", "cat", "cat"]
    plain = grid(digits(5), 3)
    assert grid(digits(5), 3, labels).height == plain.height + 2 * LINE
    assert [text for text, _, _ in written] == labels


def test_a_long_label_is_cut_and_takes_nothing_from_its_neighbours():
    sheet = levels(grid(digits(80), 10, [f"{'a very long name ' * 3}{i % 10}" for i in range(80)]))
    assert (sheet[:LINE, 90:94] == GREY).all()
    assert (sheet[:LINE] != GREY).any()


@pytest.mark.parametrize("name", ["", "数字", "caf\udce9", "a\nb"])
def test_any_class_name_can_be_written(name):
    grid(digits(4), 2, [name, "dog"] * 2)


def test_an_enlarged_picture_is_as_large_as_whole_factors_allow():
    small = Image.linear_gradient("L").resize((28, 28))
    large = enlarged(small)
    assert large.size == (308, 308)
    assert large.resize((28, 28), Image.Resampling.NEAREST).tobytes() == small.tobytes()
    assert enlarged(Image.new("L", (640, 480))).size == (640, 480)


def test_a_caption_stands_above_the_picture_and_leaves_it_alone():
    picture = grid(digits(4))
    whole = captioned(picture, "iteration 1,000")
    assert whole.crop((0, LINE, *whole.size)).tobytes() == picture.tobytes()
    assert (levels(whole)[:LINE] != GREY).any()


@pytest.fixture
def frames(tmp_path):
    """`frames(n, mode)` is n files, each of another shade."""

    def make(n, mode="L"):
        files = [tmp_path / f"{i}.png" for i in range(n)]
        for i, file in enumerate(files):
            Image.new(mode, (200, 60), (2 * i,) * len(mode)).save(file)
        return files

    return make


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_an_animation_carries_a_caption_on_every_frame(frames, tmp_path, mode):
    animate(frames(3, mode), ["iteration 0", "iteration 500", "iteration 1,000"], tmp_path / "all.gif")
    with Image.open(tmp_path / "all.gif") as gif:
        assert gif.n_frames == 3 and gif.size == (200, 60 + LINE)
        captions = []
        for i in range(3):
            gif.seek(i)
            captions.append(gif.convert("L").crop((0, 0, 200, LINE)))
    assert ImageChops.difference(captions[0], captions[1]).getbbox()
    assert ImageChops.difference(captions[1], captions[2]).getbbox()


def test_a_long_animation_has_sixty_frames_and_opens_them_one_by_one(frames, tmp_path):
    files = frames(100)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)  # The lowest number that the next file would get.
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 20, hard))
    try:
        animate(files, [str(i) for i in range(100)], tmp_path / "all.gif")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with Image.open(tmp_path / "all.gif") as gif:
        assert gif.n_frames == 60
        gif.seek(59)
        assert gif.convert("L").getpixel((100, 70)) == 192  # of 2 x 99, the last file


def test_smaller_frames_of_an_older_version_are_enlarged(tmp_path):
    for name, side in (("old", 30), ("new", 90)):
        Image.new("L", (side, side), side).save(tmp_path / f"{name}.png")
    animate([tmp_path / "old.png", tmp_path / "new.png"], ["iteration 0", "iteration 1"], tmp_path / "all.gif")
    assert Image.open(tmp_path / "all.gif").size == (90, 90 + LINE)
