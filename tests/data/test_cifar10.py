"""CIFAR-10 in its binary version: a folder, written here in small, and the archive that is downloaded."""

import hashlib
import tarfile
from pathlib import Path

import pooch
import pytest
import torch

from ganexp.data.cifar10 import CIFAR10, CLASSES, FILES, RECORD
from ganexp.errors import UserError


@pytest.fixture
def root(tmp_path):
    """Four records a file, as the format has them; record k of a file has label k and planes of 10, 20, 30 + k."""
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name in (*FILES["train"], *FILES["test"]):
        planes = [bytes([k]) + b"".join(bytes([shade + k]) * 1024 for shade in (10, 20, 30)) for k in range(4)]
        (folder / name).write_bytes(b"".join(planes))
    return tmp_path


@pytest.mark.parametrize(("split", "files"), [("train", 5), ("test", 1)])
def test_labels_and_planes_come_in_their_order(root, split, files):
    pictures = CIFAR10(batch_size=4, root=str(root)).load(split)
    k = torch.arange(4).repeat(files)
    assert torch.equal(pictures.labels, k) and pictures.labels.dtype == torch.int64
    assert pictures.images.dtype == torch.uint8 and pictures.shape == (3, 32, 32)
    expected = (torch.tensor([10, 20, 30]) + k[:, None]).to(torch.uint8)[:, :, None, None]
    assert torch.equal(pictures.images, expected.expand(-1, 3, 32, 32))
    assert pictures.classes == CLASSES


def test_rows_are_rows(root):
    row_major = bytes([7]) + bytes(row for _ in range(3) for row in range(32) for _ in range(32))
    (root / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(row_major)
    (image,) = CIFAR10(batch_size=1, root=str(root)).load("test").images
    assert torch.equal(image[0, :, 0], torch.arange(32, dtype=torch.uint8)) and (image[0, 5] == 5).all()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bytes(RECORD - 1), "3072 bytes, not a multiple of 3073"),
        (b"", "0 bytes"),
        (bytes([10]) + bytes(RECORD - 1), "label of 10, not 0 to 9"),
        (None, "No such file"),
    ],
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_file_that_is_not_of_the_format_is_named(root, split, content, words):
    path = root / "cifar-10-batches-bin" / "data_batch_3.bin"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=words) as refused:
        CIFAR10(batch_size=4, root=str(root)).load(split)
    assert "data_batch_3.bin" in str(refused.value) and f"data.root={root}" in str(refused.value)


def test_without_a_network_one_sentence_says_which_file_goes_where(tmp_path, monkeypatch):
    def unreachable(*_, **__):
        raise OSError("Name or service not known\nmore")

    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", unreachable)
    with pytest.raises(UserError) as refused:
        CIFAR10(batch_size=4).load()
    told = str(refused.value)
    assert "\n" not in told and "Name or service not known" in told
    assert f"put https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz at {tmp_path}" in told
    assert "data.root=DIR" in told


def test_an_archive_with_another_checksum_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path)
    monkeypatch.setattr(
        pooch.HTTPDownloader, "__call__", lambda self, url, output, *_, **__: Path(output).write_bytes(b"else")
    )
    with pytest.raises(UserError, match="could not be downloaded"):
        CIFAR10(batch_size=4).load()
    assert not list(tmp_path.iterdir())


def test_a_file_that_ends_early_between_two_pictures_is_noticed(root):
    path = root / "cifar-10-batches-bin" / "data_batch_3.bin"
    path.write_bytes(path.read_bytes()[:-RECORD])
    with pytest.raises(UserError, match=r"data_batch_3\.bin has fewer pictures than the others, 3: it was cut short"):
        CIFAR10(batch_size=1, root=str(root)).load()


def test_a_held_out_file_that_is_missing_is_told_before_the_training(root):
    (root / "cifar-10-batches-bin" / "test_batch.bin").unlink()
    with pytest.raises(UserError, match=r"test_batch\.bin.*name a folder that holds cifar-10-batches-bin"):
        CIFAR10(batch_size=4, root=str(root)).load("train")


@pytest.fixture
def downloaded(root, tmp_path, monkeypatch):
    """The cache folder, with the verified archive in it and nothing unpacked."""
    cache = tmp_path / "cache"
    cache.mkdir()
    archive = cache / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(root / "cifar-10-batches-bin", "cifar-10-batches-bin")
    monkeypatch.setattr(pooch, "os_cache", lambda name: cache)
    monkeypatch.setattr("ganexp.data.cifar10.SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    return cache


def test_a_verified_archive_is_unpacked_once(root, downloaded):
    unpacked = CIFAR10(batch_size=4, root=str(root)).load().sha256()
    assert CIFAR10(batch_size=4).load().sha256() == unpacked
    (downloaded / "cifar-10-binary.tar.gz").unlink()
    assert CIFAR10(batch_size=4).load().sha256() == unpacked


@pytest.mark.parametrize("broken", ["cut", "cut between two pictures", "missing"])
def test_an_archive_that_was_half_unpacked_is_unpacked_again(downloaded, broken):
    whole = CIFAR10(batch_size=4).load().sha256()
    file = downloaded / "cifar10" / "cifar-10-batches-bin" / "data_batch_3.bin"
    content = file.read_bytes()
    if broken == "missing":
        file.unlink()
    else:
        file.write_bytes(content[: RECORD if "between" in broken else 5000])
    assert CIFAR10(batch_size=4).load().sha256() == whole
    assert file.read_bytes() == content
    assert sorted(path.name for path in downloaded.iterdir()) == ["cifar-10-binary.tar.gz", "cifar10"]


def test_a_broken_archive_is_told_with_the_folder_to_remove(root, downloaded, monkeypatch):
    (root / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(b"short")
    archive = downloaded / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(root / "cifar-10-batches-bin", "cifar-10-batches-bin")
    monkeypatch.setattr("ganexp.data.cifar10.SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    with pytest.raises(UserError, match=r"test_batch\.bin has 5 bytes.*remove .*cifar-10-batches-bin"):
        CIFAR10(batch_size=4).load()


def test_without_a_home_folder_nothing_is_downloaded_into_the_current_one(tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda name: f"~/.cache/{name}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"set XDG_CACHE_HOME to a folder that can be written, or type data\.root=DIR"):
        CIFAR10(batch_size=4).load()
    assert not list(tmp_path.iterdir())
