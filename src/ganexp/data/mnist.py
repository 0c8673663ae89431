"""MNIST (LeCun, Cortes and Burges 1998), which comes with ganexp, and other data in its format."""

import gzip
import math
import zlib
from pathlib import Path
from typing import Literal

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from ganexp.data.dataset import Dataset, Pictures, Split
from ganexp.errors import UserError
from ganexp.fields import STRICT

BUNDLED = Path(__file__).with_name("mnist_files")

NAMES_FILE = "class_names.txt"
"""A file that may lie beside the others: one class name in each line, in the order of the labels."""

PART = 1 << 20
"""The bytes that are read at a time."""

GZIP_AT_MOST = 1032
"""No file of gzip's format grows by more than this factor when it is unpacked."""


@dataclass(frozen=True, config=STRICT)
class MNIST(Dataset):
    """60,000 training and 10,000 test digits, 28x28 grey. The mirror image of a digit is no digit: `flip` stays off.

    root: a folder with other files of MNIST's names and format (KMNIST, EMNIST, …), gzipped or not. The number of
        classes follows the labels, which begin at 0 or 1. Names come from `class_names`, or from a file
        `class_names.txt` in the folder with one name a line; otherwise a class is named by its label.
    """

    flip: Literal[False] = False
    root: str | None = None

    def read(self, split: Split) -> Pictures:
        if self.root is None:
            return _pictures(*_read_split(BUNDLED, split), tuple("0123456789"))
        folder = Path(self.root).expanduser()
        try:
            both: dict[Split, tuple[Tensor, Tensor]] = {"train": _read_split(folder, "train")}
            both["test"] = _read_split(folder, "test")
            names = self.class_names or _names_in(folder / NAMES_FILE)
            first, classes = _classes(both["train"][1], names)
            for images, labels in both.values():
                if not first <= labels.min() <= labels.max() < first + len(classes):
                    raise ValueError(
                        f"labels go from {labels.min()} to {labels.max()}, and there are {len(classes)} classes from "
                        f"{first} on"
                    )
                if images.shape[1:] != both["train"][0].shape[1:]:
                    raise ValueError("training and test pictures differ in size")
        except (OSError, RuntimeError, ValueError, EOFError, zlib.error) as error:
            raise UserError(f"data.root={self.root}: {error}; leave data.root out for the bundled files") from None
        images, labels = both[split]
        return _pictures(images, labels - first, classes)


def _pictures(images: Tensor, labels: Tensor, classes: tuple[str, ...]) -> Pictures:
    return Pictures(images.unsqueeze(1), labels.long(), classes)


def _read_split(folder: Path, split: Split) -> tuple[Tensor, Tensor]:
    """Images uint8 [N, H, W] and labels uint8 [N]; OSError or ValueError if the files are not of this format."""
    prefix = "train" if split == "train" else "t10k"
    path = folder / f"{prefix}-labels-idx1-ubyte.gz"
    images, labels = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz", 3), read_idx(path, 1)
    if len(images) != len(labels):
        raise ValueError(f"{path} holds {len(labels)} labels for {len(images)} pictures")
    return images, labels


def _classes(labels: Tensor, names: tuple[str, ...] | None) -> tuple[int, tuple[str, ...]]:
    """The label of the first class, 0 or 1, and the classes' names. ValueError if the labels have gaps and no names."""
    present = labels.unique().tolist()
    first = int(present[0] == 1 and (names is None or present[-1] == len(names)))
    if names is not None:
        return first, names
    if present != list(range(first, first + len(present))):
        raise ValueError(
            f"labels should be 0 to {len(present) - 1}, or 1 to {len(present)}, without a gap, and they are "
            f"{len(present)} numbers from {present[0]} to {present[-1]}; number the labels so, or name the classes of "
            f"all labels from 0 to {present[-1]} by data.class_names=[…]"
        )
    return first, tuple(map(str, present))


def _names_in(file: Path) -> tuple[str, ...] | None:
    """The lines of a file of names that are not empty; None without such a file."""
    if not file.is_file():
        return None
    lines = (line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines())
    return tuple(line for line in lines if line) or None


def read_idx(path: Path, dimensions: int) -> Tensor:
    """An IDX file of bytes, `path` or the same name without `.gz`, as a uint8 tensor of so many dimensions.

    OSError if the file is missing, empty, cut short, or of another format. The size in the header is compared with the
    file's size before memory is taken.
    """
    zipped = not path.with_suffix("").is_file()
    path = path if zipped else path.with_suffix("")
    if not path.is_file():
        raise OSError(f"there is no {path.with_suffix('').name}, with or without .gz; MNIST's format has four files")
    with gzip.open(path) if zipped else open(path, "rb") as file:
        magic = file.read(4)
        shape = [int.from_bytes(file.read(4)) for _ in range(dimensions)]
        size = math.prod(shape)
        if magic != bytes([0, 0, 8, dimensions]):
            raise OSError(f"{path} is not an IDX file of bytes in {dimensions} dimension{'s' * (dimensions > 1)}")
        if size == 0:
            raise OSError(f"{path} is empty: its shape is {shape}")
        if size > path.stat().st_size * (GZIP_AT_MOST if zipped else 1):
            raise OSError(f"{path} is too small for the shape in its header, {shape}: it is not whole")
        content = bytearray(size)
        # In parts: a file that is read at once is in memory twice.
        parts = (memoryview(content)[start : start + PART] for start in range(0, size, PART))
        if sum(map(file.readinto, parts)) != size or file.read(1):
            raise OSError(f"{path} has more or fewer bytes than the shape in its header, {shape}: it is not whole")
    return torch.frombuffer(content, dtype=torch.uint8).view(shape)
