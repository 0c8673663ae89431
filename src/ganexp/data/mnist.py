"""MNIST (LeCun, Cortes and Burges 1998): its four original files come with ganexp."""

import gzip
from pathlib import Path

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from ganexp.config import STRICT
from ganexp.data.dataset import Dataset, Pictures, Split
from ganexp.errors import UserError

BUNDLED = Path(__file__).with_name("mnist_files")

MD5 = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
"""The canonical checksums."""


@dataclass(frozen=True, config=STRICT)
class MNIST(Dataset):
    """60,000 training and 10,000 test digits, 28x28 grey. `root`: a folder with the four `.gz` files instead."""

    root: str | None = None

    def load(self, split: Split = "train") -> Pictures:
        folder = Path(self.root) if self.root else BUNDLED
        prefix = "train" if split == "train" else "t10k"
        try:
            images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
            labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
        except (OSError, EOFError) as error:
            raise UserError(f"data.root={self.root}: {error}; leave data.root out for the bundled files") from None
        return Pictures(images.unsqueeze(1), labels.long(), tuple("0123456789"))


def read_idx(path: Path) -> Tensor:
    """A gzipped IDX file of bytes, as a uint8 tensor of its shape."""
    content = gzip.decompress(path.read_bytes())
    kind, dimensions = content[2], content[3]
    if content[:2] != b"\0\0" or kind != 0x08:
        raise OSError(f"{path} is not an IDX file of bytes")
    shape = [int.from_bytes(content[4 + 4 * d : 8 + 4 * d]) for d in range(dimensions)]
    return torch.frombuffer(content, dtype=torch.uint8, offset=4 + 4 * dimensions).view(shape)
