"""A folder of one's own pictures."""

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from pydantic.dataclasses import dataclass
from torch import Tensor

from ganexp.cache import cached
from ganexp.config import STRICT, Positive
from ganexp.data.dataset import Dataset, Pictures, Split
from ganexp.errors import UserError

log = logging.getLogger("ganexp")


@dataclass(frozen=True, config=STRICT, kw_only=True)
class ImageFolder(Dataset):
    """All pictures below `root`, of any format that Pillow reads; both splits are all of them.

    root: its subfolders, if any, are the classes; pictures beside them are refused.
    image_size: side of the square that the middle of each picture is resized to.
    channels: 3 for colour, 1 for grey.
    """

    root: str
    image_size: Positive = 32
    channels: Literal[1, 3] = 3

    def load(self, split: Split = "train") -> Pictures:
        """Read once: the array is kept in the user's cache until a file changes. Unreadable files are named."""
        root = Path(self.root).expanduser().resolve()
        if not root.is_dir():
            raise UserError(f"data.root={self.root}: no such folder; name one that holds pictures")
        classes = sorted(p.name for p in root.iterdir() if p.is_dir() and p.name[0] != "." and _files(p))
        files = [file for name in classes for file in _files(root / name)] if classes else _files(root)
        suffixes = Image.registered_extensions()
        beside = [p.name for p in _files(root) if p.parent == root and p.suffix.lower() in suffixes]
        if classes and beside:
            raise UserError(
                f"data.root={self.root}: {beside[0]} lies beside the class folder {classes[0]} ({len(beside)} such "
                "pictures); move them into a folder of their own"
            )
        kept = self._cached(root, files)
        images, readable, unreadable = kept["images"], kept["readable"], kept["unreadable"]
        if unreadable:
            named = ", ".join(unreadable[:10]) + ", …" * (len(unreadable) > 10)
            log.warning("data.root=%s: skipped %d unreadable files: %s", self.root, len(unreadable), named)
        if not len(images):
            raise UserError(f"data.root={self.root}: no picture there that Pillow can read; name another folder")
        if not classes:
            return Pictures(images, None, ())
        # A class of which nothing could be read is none.
        of_file = [Path(name).parts[0] for name in readable]
        classes = sorted(set(of_file))
        return Pictures(images, torch.tensor([classes.index(name) for name in of_file]), tuple(classes))

    def _cached(self, root: Path, files: list[Path]) -> dict[str, Any]:
        """images: uint8 [N, C, H, W]; readable, unreadable: files' names below `root`."""
        names = [file.relative_to(root).as_posix() for file in files]
        states = [(file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        key = repr((str(root), self.image_size, self.channels, names, states))
        digest = hashlib.sha256(key.encode()).hexdigest()[:16]
        return cached(f"image_folder/{digest}.pt", lambda: self._decoded(files, names))

    def _decoded(self, files: list[Path], names: list[str]) -> dict[str, Any]:
        images = torch.empty(len(files), self.channels, self.image_size, self.image_size, dtype=torch.uint8)
        with ThreadPoolExecutor() as pool:  # decoders run outside Python's lock
            read = list(pool.map(lambda i: self._read(files[i], images[i]), range(len(files))))
        return {
            "images": images[torch.tensor(read, dtype=torch.bool)],
            "readable": [name for name, fine in zip(names, read, strict=True) if fine],
            "unreadable": [name for name, fine in zip(names, read, strict=True) if not fine],
        }

    def _read(self, file: Path, into: Tensor) -> bool:
        """Whether `file` could be read into uint8 [C, H, W]."""
        try:
            with Image.open(file) as image:
                # JPEG decodes straight to a smaller picture, if it is large.
                image.draft(None, (2 * self.image_size, 2 * self.image_size))
                upright = _eight_bits(ImageOps.exif_transpose(image)).convert("RGB" if self.channels == 3 else "L")
            square = ImageOps.fit(upright, (self.image_size, self.image_size), Image.Resampling.LANCZOS)
        except Exception:  # each format's decoder fails in its own way
            return False
        into.copy_(torch.from_numpy(np.array(square)).view(self.image_size, self.image_size, -1).permute(2, 0, 1))
        return True


def _files(folder: Path) -> list[Path]:
    """All below, hidden ones apart, in an order that is the same on any machine."""
    files = (p for p in folder.rglob("*") if p.is_file())
    return sorted(p for p in files if not any(part[0] == "." for part in p.relative_to(folder).parts))


def _eight_bits(image: Image.Image) -> Image.Image:
    """The upper byte of 16-bit grey, which Pillow would clip; what is transparent lies on white."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image
