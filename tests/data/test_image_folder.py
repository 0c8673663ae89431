"""A user's own pictures, in folders written here."""

import logging
import os

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


def told(caplog, root, **options) -> str:
    """The warnings while `root` is loaded."""
    caplog.clear()
    with caplog.at_level(logging.WARNING, "ganexp"):
        load(root, **options)
    return caplog.text


def test_unreadable_files_are_named_each_time_with_the_reason(root, caplog):
    paint(root / "a.png")
    (root / "b.png").write_bytes((root / "a.png").read_bytes()[:60])
    (root / "c.jpg").write_text("no picture")
    (root / ".DS_Store").write_text("hidden")
    sentence = "skipped 2 files or folders: b.png (image file is truncated), c.jpg (not a picture that Pillow knows)"
    for _ in range(2):
        assert sentence in told(caplog, root)
    assert len(load(root).images) == 1


def test_a_file_that_could_not_be_read_once_is_read_when_it_can_be(root, monkeypatch, caplog):
    paint(root / "cat" / "1.png")
    paint(root / "dog" / "1.png")
    whole = Image.open

    def without_rights(file, *rest):
        if "dog" in str(file):
            raise PermissionError(13, "Permission denied", str(file))
        return whole(file, *rest)

    with monkeypatch.context() as held:
        held.setattr(Image, "open", without_rights)
        assert "dog/1.png (Permission denied)" in told(caplog, root)
        assert load(root).classes == ("cat",)
    assert told(caplog, root) == "" and load(root).classes == ("cat", "dog")
    with monkeypatch.context() as closed:
        closed.setattr(Image, "open", None)
        assert load(root).classes == ("cat", "dog"), "and is kept then"


def test_pictures_are_decoded_again_by_another_pillow(root, cache, monkeypatch):
    paint(root / "a.png")
    load(root)
    monkeypatch.setattr("PIL.__version__", "99.0")
    load(root)
    assert len(list((cache / "image_folder").iterdir())) == 2


def test_linked_folders_are_followed_and_not_for_ever(root, tmp_path):
    for i in range(3):
        paint(tmp_path / "store" / f"{i}.png")
    paint(root / "cat" / "1.png")
    (root / "dog").mkdir()
    (root / "dog" / "batch").symlink_to(tmp_path / "store")
    (root / "dog" / "again").symlink_to(root)
    pictures = load(root)
    assert pictures.classes == ("cat", "dog") and pictures.labels.bincount().tolist() == [1, 3]


def test_everything_that_cannot_be_entered_is_told(root, monkeypatch, caplog):
    paint(root / "cat" / "1.png")
    paint(root / "dog" / "1.png")
    (root / "cat" / "gone.png").symlink_to(root / "nowhere.png")
    os.mkfifo(root / "cat" / "pipe")
    whole = os.scandir

    def without_rights(folder):
        if folder == root / "dog":
            raise PermissionError(13, "Permission denied", str(folder))
        return whole(folder)

    monkeypatch.setattr(os, "scandir", without_rights)
    sentence = "cat/gone.png (a link that cannot be followed), cat/pipe (not a file), dog (Permission denied)"
    assert f"skipped 3 files or folders: {sentence}" in told(caplog, root)


def test_a_root_that_cannot_be_entered_is_refused(root, monkeypatch):
    def without_rights(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", without_rights)
    with pytest.raises(UserError, match=r"data\.root=.*: Permission denied; name a folder that can be read"):
        load(root)


def test_names_that_are_not_utf8_become_printable(root, caplog):
    paint(root / "cat" / "1.png")
    folder = os.fsencode(root) + b"/caf\xe9"
    os.rename(root / "cat", folder)
    with open(folder + b"/\xff.png", "wb") as file:
        file.write(b"no picture")
    assert "caf\\xe9/\\xff.png (not a picture" in told(caplog, root)
    assert load(root).classes == ("caf\\xe9",)


def test_a_part_of_the_folders_may_be_taken(root):
    for name in ("cat", "dog", "ship"):
        paint(root / name / "1.png")
    pictures = load(root, classes=["ship", "cat"])
    assert pictures.classes == ("ship", "cat") and pictures.labels.tolist() == [1, 0]


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
