"""MNIST (LeCun, Cortes and Burges 1998): its four original files come with ganexp."""

import gzip
import math
import zlib
from pathlib import Path
from typing import Literal

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from ganexp.config import STRICT
from ganexp.data.dataset import Dataset, Pictures, Split
from ganexp.errors import UserError

BUNDLED = Path(__file__).with_name("mnist_files")

PART = 1 << 20
"""Bytes that are read at a time."""


@dataclass(frozen=True, config=STRICT)
class MNIST(Dataset):
    """60,000 training and 10,000 test digits, 28x28 grey. `root`: another folder of the files, gzipped or not.

    A digit's mirror image is none, so `flip` stays off.
    """

    flip: Literal[False] = False
    root: str | None = None

    def load(self, split: Split = "train") -> Pictures:
        folder = Path(self.root).expanduser() if self.root else BUNDLED
        prefix = "train" if split == "train" else "t10k"
        try:
            images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
            labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"data.root={self.root}: {error}; leave data.root out for the bundled files") from None
        return Pictures(images.unsqueeze(1), labels.long(), tuple("0123456789"))


def read_idx(path: Path) -> Tensor:
    """An IDX file of bytes, `path` or the same without `.gz`, as a uint8 tensor of its shape."""
    unzipped = path.with_suffix("")
    with open(unzipped, "rb") if unzipped.is_file() else gzip.open(path) as file:
        magic = file.read(4)
        shape = [int.from_bytes(file.read(4)) for _ in range(magic[3])] if magic[:3] == b"\0\0\x08" else []
        content = bytearray(math.prod(shape))
        # In parts: a file that is read at once is in memory twice.
        parts = (memoryview(content)[start : start + PART] for start in range(0, len(content), PART))
        if not shape or sum(map(file.readinto, parts)) != len(content) or file.read(1):
            raise OSError(f"{path} is not an IDX file of bytes, or not a whole one")
    return torch.frombuffer(content, dtype=torch.uint8).view(shape)
