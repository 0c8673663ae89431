"""CIFAR-10 (Krizhevsky 2009), from its official binary archive: plain bytes, no pickle."""

import textwrap
from pathlib import Path

import pooch
import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from ganexp.config import STRICT
from ganexp.data.dataset import Dataset, Pictures, Split
from ganexp.errors import UserError

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
FOLDER = "cifar-10-batches-bin"
FILES = {"train": [f"data_batch_{part}.bin" for part in range(1, 6)], "test": ["test_batch.bin"]}
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD = 1 + 3 * 32 * 32
"""Bytes of a picture in a file: its label, then red, green and blue planes, row by row."""


@dataclass(frozen=True, config=STRICT)
class CIFAR10(Dataset):
    """50,000 training and 10,000 test pictures of ten classes, 32x32 in colour.

    root: a folder that holds `cifar-10-batches-bin`, used as it is. None: the
        archive (170 MB) is fetched once, into the user's cache.
    """

    root: str | None = None

    def load(self, split: Split = "train") -> Pictures:
        folder = (Path(self.root).expanduser() if self.root else fetch()) / FOLDER
        try:
            parts = [read_records(folder / name) for name in FILES[split]]
            for name, part in zip(FILES[split], parts, strict=True):
                if len(part) != max(map(len, parts)):
                    raise OSError(f"{folder / name} has fewer pictures than the others, {len(part)}: it was cut short")
        except OSError as error:
            raise UserError(
                f"data.root={self.root}: {error}; name a folder that holds {FOLDER}, "
                "or leave data.root out to download it"
            ) from None
        records = torch.cat(parts)
        return Pictures(records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].long(), CLASSES)


def read_records(path: Path) -> Tensor:
    """A file of the binary version, as uint8 [N, RECORD]; OSError if it is none."""
    content = bytearray(path.read_bytes())
    if not content or len(content) % RECORD:
        raise OSError(f"{path} has {len(content)} bytes, not a multiple of {RECORD}")
    records = torch.frombuffer(content, dtype=torch.uint8).view(-1, RECORD)
    if records[:, 0].max() >= len(CLASSES):
        raise OSError(f"{path} has a label of {records[:, 0].max().item()}, not 0 to 9")
    return records


def fetch() -> Path:
    """The folder of the unpacked archive, in the user's cache; downloaded, if it is not there, and verified."""
    cache, archive = Path(pooch.os_cache("ganexp")), URL.rpartition("/")[2]
    try:
        pooch.retrieve(
            URL,
            f"sha256:{SHA256}",
            fname=archive,
            path=cache,
            downloader=pooch.HTTPDownloader(progressbar=True),  # type: ignore[arg-type]
            processor=pooch.Untar([f"{FOLDER}/{name}" for names in FILES.values() for name in names], "cifar10"),
        )
    except (OSError, ValueError) as error:  # no network, or a file with another checksum
        reason = textwrap.shorten(str(error), 120, placeholder=" …")
        raise UserError(
            f"data=cifar10 could not be downloaded ({reason}): put {URL} at {cache / archive}, "
            f"or unpack it and type data.root=DIR, the folder that holds {FOLDER}"
        ) from None
    return cache / "cifar10"
