"""Samples that another program generated."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.data import samples
from ganexp.data.samples import read_samples
from ganexp.errors import UserError

SHAPE = (1, 4, 4)
PICTURES = np.random.default_rng(0).integers(256, size=(200, 4, 4, 1), dtype=np.uint8)


def test_a_folder_is_read_as_training_pictures_are(tmp_path):
    """8 and 16 bits alike, hidden files and other files left out."""
    for name, scale in (("eight", 1), ("sixteen", 257)):
        (tmp_path / name).mkdir()
        for i, picture in enumerate(PICTURES[:, :, :, 0]):
            values = picture if scale == 1 else picture.astype(np.uint16) * scale
            Image.fromarray(values).save(tmp_path / name / f"{i:03}.png")
    (tmp_path / "eight" / "._000.png").write_bytes(bytes(200))
    (tmp_path / "eight" / "settings.json").write_text("{}")
    (images, labels), (again, _) = (read_samples(tmp_path / name, 150, SHAPE) for name in ("eight", "sixteen"))
    assert images.shape == (150, 1, 4, 4) and labels is None and torch.equal(images, again)


def test_an_npz_gives_the_same_pictures_in_the_same_order(tmp_path):
    (tmp_path / "folder").mkdir()
    for i, picture in enumerate(PICTURES[:, :, :, 0]):
        Image.fromarray(picture).save(tmp_path / "folder" / f"{i:03}.png")
    np.savez(tmp_path / "a.npz", PICTURES, np.arange(200))
    np.savez_compressed(tmp_path / "grey.npz", PICTURES[:, :, :, 0])
    images, labels = read_samples(tmp_path / "a.npz", 150, SHAPE)
    assert labels.dtype == torch.int64 and torch.equal(images, torch.from_numpy(PICTURES).permute(0, 3, 1, 2)[labels])
    for name in ("folder", "grey.npz"):
        assert torch.equal(read_samples(tmp_path / name, 150, SHAPE)[0], images)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("b.png", b"no picture", r"b\.png: not a picture that Pillow knows; every picture must be readable"),
        ("b.png", "wide", "b.png: 8x4 pixels, not 4x4; .* never resized"),
        ("b.png", "link", "b.png: a link that cannot be followed; remove it"),
    ],
)
def test_a_picture_that_cannot_be_measured_is_named(tmp_path, name, content, words):
    for i, picture in enumerate(PICTURES[:100, :, :, 0]):
        Image.fromarray(picture).save(tmp_path / f"{i:03}.png")
    if content == "wide":
        Image.new("L", (8, 4)).save(tmp_path / name)
    elif content == "link":
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=words):
        read_samples(tmp_path, 1000, SHAPE)


def npy(shape: tuple[int, ...], content: bytes, order: bool = False, dtype: str = "|u1") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": order, "shape": shape})
    return buffer.getvalue() + content


def write(path, compression: int = zipfile.ZIP_DEFLATED, **arrays: bytes) -> None:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in arrays.items():
            file.writestr(f"{name}.npy", content)


RIGHT = npy((200, 4, 4, 1), PICTURES.tobytes())


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"pictures": RIGHT}, "there is no arr_0 in it"),
        ({"arr_0": npy((10**9, 4, 4, 1), bytes(1000))}, "should hold 1000000000 pictures, and at most 10000000"),
        ({"arr_0": npy((300, 4, 4, 1), PICTURES.tobytes())}, "arr_0 was cut short"),
        ({"arr_0": npy((-200, 4, 4, 1), PICTURES.tobytes())}, "name a folder of pictures"),
        ({"arr_0": npy((0, 4, 4, 1), b"")}, "0 pictures are too few"),
        ({"arr_0": npy((200, 4, 4, 3), PICTURES.tobytes() * 3)}, "never resized"),
        ({"arr_0": npy((200, 16), PICTURES.tobytes())}, r"arr_0 is uint8 \(200, 16\), not uint8"),
        ({"arr_0": npy((200, 4, 4, 1), PICTURES.tobytes(), order=True)}, "save numpy.ascontiguousarray"),
        ({"arr_0": npy((200, 4, 4, 1), bytes(3200), dtype="|O")}, "arr_0 is object"),
        ({"arr_0": b"\x93NUMPY\x01\x00\x10\x00{'descr': __impor"}, "arr_0.npy is not an array"),
        ({"arr_0": b"\x93NUMPY\x03\x00" + struct.pack("<I", 4) + b"{}  "}, "arr_0.npy is not an array"),
        ({"arr_0": b""}, "arr_0.npy is not an array"),
        ({"arr_0": RIGHT, "arr_1": npy((200, 2), bytes(400))}, r"arr_1 is uint8 \(200, 2\), not one integer a picture"),
        ({"arr_0": RIGHT, "arr_1": npy((200,), bytes(1600), dtype="<f8")}, "arr_1 is float64"),
        ({"arr_0": RIGHT, "arr_1": npy((200,), bytes(10), dtype="<i8")}, "name a folder of pictures"),
    ],
)
def test_an_odd_npz_gets_a_sentence(tmp_path, arrays, words):
    write(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=words) as refused:
        read_samples(tmp_path / "a.npz", 1000, SHAPE)
    assert "\n" not in str(refused.value) and f"samples={tmp_path}" in str(refused.value)


@pytest.mark.parametrize("damage", ["bytes", "encrypted", "method", "cut"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_STORED])
def test_a_damaged_npz_gets_a_sentence(tmp_path, compression, damage):
    write(tmp_path / "a.npz", compression, arr_0=RIGHT)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    local, central = content.find(b"PK\x03\x04"), content.find(b"PK\x01\x02")
    if damage == "bytes":
        content[500] ^= 255
        content[1500] ^= 255
    elif damage == "encrypted":
        content[local + 6] |= 1
        content[central + 8] |= 1
    elif damage == "method":
        content[local + 8] = content[central + 10] = 99
    else:
        del content[1000:]
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"name a folder of pictures, or an \.npz that holds arr_0"):
        read_samples(tmp_path / "a.npz", 1000, SHAPE)


def test_memory_is_taken_for_chosen_pictures_alone(tmp_path):
    shape = (1, 64, 64)
    write(tmp_path / "a.npz", arr_0=npy((4000, 64, 64, 1), bytes(4000 * 64 * 64)))
    assert (tmp_path / "a.npz").stat().st_size < 100_000
    tracemalloc.start()
    images, _ = read_samples(tmp_path / "a.npz", 200, shape)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(images) == 200 and peak < 8e6 < 4000 * 64 * 64


def test_too_few_pictures_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", PICTURES[: samples.FEWEST - 1])
    with pytest.raises(UserError, match="99 pictures are too few to measure; at least 100 are needed"):
        read_samples(tmp_path / "a.npz", 1000, SHAPE)
