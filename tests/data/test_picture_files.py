"""One picture file: its pixels, or the reason why there are none."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.data import picture_files
from ganexp.data.picture_files import Unreadable, read, read_files

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("grey.png", RAMP),
        ("sixteen_bits.png", RAMP.astype(np.uint16) * 257),
        ("sixteen_bits.tif", RAMP.astype(np.uint16) * 257),
        ("big_endian.tif", (RAMP.astype(np.uint16) * 257).astype(">u2")),
        ("sixteen_bits.jp2", RAMP.astype(np.uint16) * 257),
    ],
)
def test_black_white_and_all_between_are_the_same_in_8_and_16_bits(tmp_path, name, values):
    Image.fromarray(values).save(tmp_path / name)
    assert torch.equal(read(tmp_path / name, (1, 16, 16), resize=False)[0], torch.from_numpy(RAMP))


def test_16_bits_of_which_zero_is_white_are_no_negative(tmp_path):
    Image.fromarray(RAMP.astype(np.uint16) * 257).save(tmp_path / "a.tif", tiffinfo={262: 0})
    assert torch.equal(read(tmp_path / "a.tif", (1, 16, 16), resize=False)[0], torch.from_numpy(255 - RAMP))


@pytest.mark.parametrize("values", [np.linspace(0, 1, 256, dtype=np.float32), np.arange(256, dtype=np.int32)])
def test_values_of_unknown_range_are_not_guessed(tmp_path, values):
    Image.fromarray(values.reshape(16, 16)).save(tmp_path / "a.tif")
    with pytest.raises(Unreadable, match="no value is known to be white; save it with 8 or 16 bits"):
        read(tmp_path / "a.tif", (1, 16, 16), resize=False)


def test_a_picture_that_is_not_to_be_resized_has_the_size_that_is_asked_for(tmp_path):
    Image.fromarray(RAMP[:8]).save(tmp_path / "a.png")
    assert read(tmp_path / "a.png", (1, 8, 16), resize=False).shape == (1, 8, 16)
    for shape in ((1, 16, 16), (1, 16, 8)):
        with pytest.raises(Unreadable, match="16x8 pixels, not"):
            read(tmp_path / "a.png", shape, resize=False)


def bomb(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("size", "reason"), [((13_370, 13_370), "179 megapixels, and at most 50"), ((20_000, 10_000), "200000000 pixels")]
)
def test_the_size_is_looked_at_before_anything_is_decoded(tmp_path, recwarn, size, reason):
    (tmp_path / "a.png").write_bytes(bomb(*size))
    (told,) = read_files([tmp_path / "a.png"], torch.empty(1, 3, 8, 8, dtype=torch.uint8), resize=True)
    assert reason in told and not recwarn.list


def test_a_large_jpeg_is_read_in_small_unless_it_is_progressive(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_files, "MOST_PIXELS", 10_000)
    image = Image.new("RGB", (400, 400), "blue")
    image.save(tmp_path / "a.jpg")
    assert read(tmp_path / "a.jpg", (3, 8, 8), resize=True)[2].min() > 250
    image.save(tmp_path / "b.jpg", progressive=True)
    with pytest.raises(Unreadable, match="megapixels"):
        read(tmp_path / "b.jpg", (3, 8, 8), resize=True)


def test_large_pictures_are_decoded_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_files, "LARGE", 100)
    held = []
    whole = picture_files._eight_bits
    monkeypatch.setattr(
        picture_files, "_eight_bits", lambda *a: held.append(picture_files._one_large.locked()) or whole(*a)
    )
    for side in (8, 16):
        Image.new("L", (side, side)).save(tmp_path / f"{side}.png")
        read(tmp_path / f"{side}.png", (1, 8, 8), resize=True)
    assert held == [False, True]


def test_reasons_stand_beside_the_pictures(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "fine.png")
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "BMP")
    (tmp_path / "cut.bmp").write_bytes(buffer.getvalue()[:80])
    (tmp_path / "empty.png").touch()
    files = [tmp_path / name for name in ("fine.png", "cut.bmp", "empty.png", "gone.png")]
    into = torch.full((4, 1, 16, 16), 7, dtype=torch.uint8)
    reasons = read_files(files, into, resize=False)
    assert reasons[0] is None and torch.equal(into[0, 0], torch.from_numpy(RAMP)) and (into[1:] == 7).all()
    assert "truncated" in reasons[1] and "Pillow" in reasons[2] and reasons[3] == "No such file or directory"
