"""The digits that come with ganexp, and other data in their format."""

import gzip
import hashlib
import math
import shutil

import pytest
import torch

from ganexp.data.mnist import BUNDLED, MNIST
from ganexp.errors import UserError

MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""The canonical checksums of the files, as they are without gzip."""


@pytest.mark.parametrize("name", MD5)
def test_the_bundled_files_are_the_canonical_ones(name):
    assert hashlib.md5(gzip.decompress((BUNDLED / f"{name}.gz").read_bytes())).hexdigest() == MD5[name]


@pytest.mark.parametrize(
    ("split", "counts"),
    [
        ("train", [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        ("test", [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ],
)
def test_shapes_types_and_classes(split, counts):
    digits = MNIST(batch_size=64).load(split)
    assert digits.images.dtype == torch.uint8 and digits.labels.dtype == torch.int64
    assert digits.images.shape == (sum(counts), 1, 28, 28) and digits.shape == (1, 28, 28)
    assert digits.labels.bincount().tolist() == counts
    assert digits.classes == tuple("0123456789")
    assert (digits.images.amin(), digits.images.amax()) == (0, 255)


@pytest.mark.parametrize("zipped", [True, False])
def test_the_files_of_another_folder_may_be_unzipped(tmp_path, zipped):
    for name in MD5:
        if zipped:
            shutil.copy(BUNDLED / f"{name}.gz", tmp_path)
        else:
            (tmp_path / name).write_bytes(gzip.decompress((BUNDLED / f"{name}.gz").read_bytes()))
    own, bundled = (MNIST(batch_size=64, root=root).load("test") for root in (str(tmp_path), None))
    assert own.sha256() == bundled.sha256()


def idx(shape: tuple[int, ...], content: bytes | None = None) -> bytes:
    """An IDX file of bytes; zeros unless there is a content."""
    header = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4) for size in shape)
    return header + (bytes(math.prod(shape)) if content is None else content)


def write(folder, images: bytes | None = None, labels: bytes | None = None, prefixes=("train", "t10k")) -> str:
    """A folder in MNIST's format: 20 pictures of 4x4 with ten classes, unless other files are given."""
    folder.mkdir(exist_ok=True)
    for prefix in prefixes:
        files = {"images-idx3": images or idx((20, 4, 4)), "labels-idx1": labels or idx((20,), bytes(range(10)) * 2)}
        for name, content in files.items():
            (folder / f"{prefix}-{name}-ubyte.gz").write_bytes(gzip.compress(content, mtime=0))
    return str(folder)


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (None, idx((10,)), "holds 10 labels for 20 pictures"),
        (None, idx((20,), bytes([200]) * 20), "without a gap, and they are 1 numbers from 200 to 200"),
        (None, idx((20,), bytes([0, 2]) * 10), r"from 0 to 2; .* from 0 to 2 by data\.class_names=\[…\]"),
        (None, idx((20, 4, 4)), "labels-idx1-ubyte.gz is not an IDX file of bytes in 1 dimension"),
        (idx((20, 16)), None, "images-idx3-ubyte.gz is not an IDX file of bytes in 3 dimensions"),
        (idx((0, 4, 4)), idx((0,)), "is empty"),
        (idx((20, 0, 4)), None, "is empty"),
        (idx((2**31 - 1,) * 3, bytes(100)), None, "too small for the shape in its header"),
        (idx((20, 4, 4), bytes(319)), None, "more or fewer bytes"),
        (idx((20, 4, 4), bytes(321)), None, "more or fewer bytes"),
        (b"\0\0\x08", None, "is not an IDX file"),
        (b"\0\0\x0d" + idx((20, 4, 4))[3:], None, "is not an IDX file of bytes"),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path, images, labels, words):
    with pytest.raises(UserError, match=words) as refused:
        MNIST(batch_size=4, root=write(tmp_path, images, labels)).load()
    assert f"data.root={tmp_path}" in str(refused.value) and "leave data.root out" in str(refused.value)


@pytest.mark.parametrize(
    "content", [b"\x1f\x8b", gzip.compress(b"digits", mtime=0), gzip.compress(idx((20, 4, 4)), mtime=0)[:-20]]
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_broken_or_missing_file_is_named_for_either_split(tmp_path, content, split):
    """A held-out file is needed at the first evaluation; the mistake is told before the training."""
    root = write(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"leave data\.root out"):
        MNIST(batch_size=4, root=root).load(split)
    (tmp_path / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(UserError, match=r"there is no t10k-images-idx3-ubyte.*leave data\.root out"):
        MNIST(batch_size=4, root=root).load(split)


def test_splits_that_do_not_belong_together_are_refused(tmp_path):
    root = write(tmp_path, prefixes=("train",))
    write(tmp_path, labels=idx((20,), bytes(range(20))), prefixes=("t10k",))
    with pytest.raises(UserError, match="labels go from 0 to 19, and there are 10 classes from 0 on"):
        MNIST(batch_size=4, root=root).load()
    write(tmp_path, images=idx((20, 5, 5)), prefixes=("t10k",))
    with pytest.raises(UserError, match="differ in size"):
        MNIST(batch_size=4, root=root).load()


def test_the_classes_of_other_data_follow_its_labels(tmp_path):
    letters = idx((20,), bytes(range(1, 21)))  # EMNIST numbers its letters from 1.
    pictures = MNIST(batch_size=4, root=write(tmp_path, labels=letters)).load()
    assert pictures.classes == tuple(map(str, range(1, 21))) and pictures.labels.tolist() == list(range(20))
    part = MNIST(batch_size=4, root=str(tmp_path), classes=["20", "1"]).load("test")
    assert part.classes == ("20", "1") and part.labels.tolist() == [1, 0]


def test_names_come_from_the_key_or_from_a_file_beside_the_data(tmp_path):
    root = write(tmp_path)
    kana = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
    assert MNIST(batch_size=4, root=root, class_names=kana).load().classes == tuple(kana)
    (tmp_path / "class_names.txt").write_text("\ufeff" + "\n".join("おきすつなはまやれを") + "\n", encoding="utf-8")
    pictures = MNIST(batch_size=4, root=root).load()
    assert pictures.classes == tuple("おきすつなはまやれを") and pictures.labels.max() == 9
    assert MNIST(batch_size=4, root=root, class_names=kana).load().classes == tuple(kana), "what is typed wins"
    with pytest.raises(UserError, match="labels go from 0 to 9, and there are 2 classes"):
        MNIST(batch_size=4, root=root, class_names=["a", "b"]).load()
    (tmp_path / "class_names.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UserError, match="utf-8"):
        MNIST(batch_size=4, root=root).load()


def test_named_classes_may_lack_pictures(tmp_path):
    root = write(tmp_path, labels=idx((20,), bytes([0, 2]) * 10))
    pictures = MNIST(batch_size=4, root=root, class_names=["a", "b", "c"]).load()
    assert pictures.classes == ("a", "b", "c") and pictures.labels.unique().tolist() == [0, 2]
