"""A user's own pictures, in folders written here."""

import logging

import numpy as np
import pooch
import pytest
import torch
from PIL import Image

from ganexp.data.image_folder import ImageFolder
from ganexp.errors import UserError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


def paint(path, color="red", size=(40, 40), mode="RGB", **options):
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, size, color).save(path, **options)


def load(root, **options):
    return ImageFolder(batch_size=1, root=str(root), **{"image_size": 16, **options}).load()


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp", "a.gif", "a.tiff"])
@pytest.mark.parametrize(("channels", "expected"), [(3, (255, 0, 0)), (1, (76,))])
def test_any_format_becomes_bytes_of_the_asked_channels(root, name, channels, expected):
    paint(root / name)
    pictures = load(root, channels=channels)
    assert pictures.images.dtype == torch.uint8 and pictures.images.shape == (1, channels, 16, 16)
    assert pictures.labels is None and pictures.classes == ()
    assert (pictures.images[0, :, 8, 8] - torch.tensor(expected)).abs().max() <= 2


def test_the_middle_is_kept_whatever_the_proportions(root):
    wide = np.zeros((40, 120), np.uint8)
    wide[:, 40:80] = 200
    Image.fromarray(wide).save(root / "wide.png")
    Image.fromarray(wide.T).save(root / "tall.png")
    # The resampling filter looks a little over the edge of what is kept.
    assert (load(root, channels=1).images.int() - 200).abs().max() < 20


def test_a_large_photograph_is_decoded_small_and_right(root):
    pixels = np.zeros((1200, 1600, 3), np.uint8)
    pixels[:, 800:] = (0, 0, 250)
    Image.fromarray(pixels).save(root / "a.jpg")
    (image,) = load(root).images
    assert (image[:, 8, 2] <= 3).all() and (image[:, 8, 13].int() - torch.tensor([0, 0, 250])).abs().max() <= 3


def test_a_camera_held_sideways_is_put_upright(root):
    pixels = np.zeros((40, 40), np.uint8)
    pixels[:20] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(pixels).save(root / "a.png", exif=exif)
    (image,) = load(root, channels=1).images
    assert image[0, 2, 8] == 0 and image[0, 13, 8] == 255


def test_sixteen_bits_keep_their_greys_and_transparency_is_white(root):
    Image.fromarray(np.full((16, 16), 100 * 256, np.uint16)).save(root / "grey.png")
    paint(root / "see_through.png", (0, 0, 0, 0), mode="RGBA")
    grey, clear = load(root).images
    assert (grey == 100).all() and (clear == 255).all()


def test_subfolders_are_classes_in_alphabetical_order(root):
    paint(root / "dog" / "1.png", "white")
    paint(root / "cat" / "1.png", "black")
    paint(root / "cat" / "2.png", "black")
    (root / "empty").mkdir()
    (root / "notes.txt").write_text("mine")
    pictures = load(root)
    assert pictures.classes == ("cat", "dog") and pictures.labels.tolist() == [0, 0, 1]
    assert pictures.labels.dtype == torch.int64
    assert pictures.images[:, 0, 0, 0].tolist() == [0, 0, 255]


def test_unreadable_files_are_named_and_counted_each_time(root, caplog):
    paint(root / "a.png")
    (root / "b.png").write_bytes((root / "a.png").read_bytes()[:60])
    (root / "c.jpg").write_text("no picture")
    (root / ".DS_Store").write_text("hidden")
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "ganexp"):
            assert len(load(root).images) == 1
        assert "skipped 2 unreadable files: b.png, c.jpg" in caplog.text


def test_pictures_are_decoded_once_until_one_changes(root, cache, monkeypatch):
    paint(root / "a.png")
    first = load(root)
    with monkeypatch.context() as closed:
        closed.setattr(Image, "open", None)
        assert load(root).sha256() == first.sha256()
    paint(root / "a.png", "blue", size=(41, 41))
    assert load(root).sha256() != first.sha256()
    assert load(root, image_size=8).shape == (3, 8, 8)
    assert len(list((cache / "image_folder").iterdir())) == 3


def test_what_gives_no_pictures_is_refused(root, tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no picture there"):
        load(root)
    paint(root / "a.png")
    paint(root / "cat" / "b.png")
    with pytest.raises(UserError, match=r"a\.png lies beside the class folder cat"):
        load(root)
