"""CIFAR-10 (Krizhevsky 2009), from its official binary archive: plain bytes, no pickle."""

import contextlib
import shutil
import tarfile
import tempfile
import textwrap
from pathlib import Path

import pooch
import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from ganexp.data.dataset import Dataset, Pictures, Split
from ganexp.errors import UserError
from ganexp.fields import STRICT
from ganexp.files.cache import folder as cache_folder

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
FOLDER = "cifar-10-batches-bin"
FILES = {"train": [f"data_batch_{part}.bin" for part in range(1, 6)], "test": ["test_batch.bin"]}
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD = 1 + 3 * 32 * 32
"""The bytes of a picture in a file: its label, then the red, green and blue planes, row by row."""


@dataclass(frozen=True, config=STRICT)
class CIFAR10(Dataset):
    """50,000 training and 10,000 test pictures of ten classes, 32x32 in colour.

    root: a folder that holds `cifar-10-batches-bin`; nothing in it is changed. None: the archive (170 MB) is
        downloaded once, into the user's cache.
    """

    root: str | None = None

    def read(self, split: Split) -> Pictures:
        records = read_folder(self.root) if self.root else read_cache()
        return Pictures(records[split][:, 1:].reshape(-1, 3, 32, 32), records[split][:, 0].long(), CLASSES)


def read_folder(root: str) -> dict[str, Tensor]:
    """The records of each split, uint8 [N, RECORD], from a folder of the user's."""
    try:
        return read_splits(Path(root).expanduser() / FOLDER)
    except OSError as error:
        raise UserError(
            f"data.root={root}: {error}; name a folder that holds {FOLDER}, or leave data.root out to download it"
        ) from None


def read_cache() -> dict[str, Tensor]:
    """The records of each split, uint8 [N, RECORD], from the user's cache; downloaded or unpacked again if needed."""
    folder = fetch()
    with contextlib.suppress(OSError):  # A file that is missing or was cut short comes from the archive again.
        return read_splits(folder)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        return read_splits(fetch())
    except OSError as error:
        raise UserError(f"data=cifar10: {error}; remove {folder}, and the same command unpacks it again") from None


def read_splits(folder: Path) -> dict[str, Tensor]:
    """The records of each split, uint8 [N, RECORD]; OSError that names the file if one is not as it should be."""
    splits = {}
    for split, names in FILES.items():
        parts = [read_records(folder / name) for name in names]
        for name, part in zip(names, parts, strict=True):
            if len(part) != max(map(len, parts)):
                raise OSError(f"{folder / name} has fewer pictures than the others, {len(part)}: it was cut short")
        splits[split] = torch.cat(parts)
    return splits


def read_records(path: Path) -> Tensor:
    """A file of the binary version, as uint8 [N, RECORD]; OSError if the file is not of this format."""
    content = bytearray(path.read_bytes())
    if not content or len(content) % RECORD:
        raise OSError(f"{path} has {len(content)} bytes, not a multiple of {RECORD}")
    records = torch.frombuffer(content, dtype=torch.uint8).view(-1, RECORD)
    if records[:, 0].max() >= len(CLASSES):
        raise OSError(f"{path} has a label of {records[:, 0].max().item()}, not 0 to 9")
    return records


def fetch() -> Path:
    """The unpacked `cifar-10-batches-bin` in the user's cache; the archive is downloaded and verified if needed."""
    try:
        cache, archive = cache_folder(), URL.rpartition("/")[2]
    except OSError as error:
        raise UserError(f"data=cifar10: {error}, or type data.root=DIR, the folder that holds {FOLDER}") from None
    folder = cache / "cifar10" / FOLDER
    if folder.is_dir():
        return folder
    try:
        pooch.retrieve(
            URL,
            f"sha256:{SHA256}",
            fname=archive,
            path=cache,
            downloader=pooch.HTTPDownloader(progressbar=True),  # type: ignore[arg-type]
        )
        # Unpacked elsewhere and then moved: `folder` is whole or not there, whenever the process ends.
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as unpacked, tarfile.open(cache / archive) as tar:
            tar.extractall(unpacked, filter="data")
            try:
                (Path(unpacked) / FOLDER).rename(folder)
            except OSError:
                if not folder.is_dir():  # Otherwise another process was faster.
                    raise
    except (OSError, ValueError) as error:  # no network, a file with another checksum, a full disk
        reason = textwrap.shorten(str(error), 120, placeholder=" …")
        raise UserError(
            f"data=cifar10 could not be downloaded ({reason}): put {URL} at {cache / archive}, "
            f"or unpack it and type data.root=DIR, the folder that holds {FOLDER}"
        ) from None
    return folder
