"""The digits that come with ganexp, and a folder of one's own."""

import gzip
import hashlib
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
def test_a_folder_of_ones_own_may_be_unzipped(tmp_path, zipped):
    for name in MD5:
        if zipped:
            shutil.copy(BUNDLED / f"{name}.gz", tmp_path)
        else:
            (tmp_path / name).write_bytes(gzip.decompress((BUNDLED / f"{name}.gz").read_bytes()))
    own, bundled = (MNIST(batch_size=64, root=root).load("test") for root in (str(tmp_path), None))
    assert own.sha256() == bundled.sha256()


def test_files_that_are_missing_or_broken_are_named(tmp_path):
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte.*leave data\.root out"):
        MNIST(batch_size=64, root=str(tmp_path)).load()
    content = (BUNDLED / "t10k-images-idx3-ubyte.gz").read_bytes()
    for broken in (
        content[:1000],
        gzip.compress(b"digits"),
        gzip.compress(gzip.decompress(content)[:-1], 1),
        b"\x1f\x8b",
    ):
        (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(broken)
        with pytest.raises(UserError, match=r"leave data\.root out"):
            MNIST(batch_size=64, root=str(tmp_path)).load("test")
