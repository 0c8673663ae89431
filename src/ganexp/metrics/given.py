"""Pictures that something else generated: an `.npz` in ADM's layout (Dhariwal and Nichol 2021), or a folder."""

import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganexp.errors import UserError


def read(path: Path, n: int, shape: tuple[int, int, int]) -> tuple[Tensor, Tensor | None]:
    """The first `n`, or all if there are fewer: pictures uint8 [N, C, H, W] of `shape` (C, H, W), labels int64 [N].

    An `.npz` holds `arr_0`, uint8 [N, H, W, C] or [N, H, W], and perhaps `arr_1`, integers [N], the labels.
    """
    if path.is_dir():
        images, labels = _folder(path, n, grey=shape[0] == 1), None
    else:
        images, labels = _npz(path, n)
    if images.shape[1:] != shape:
        raise UserError(
            f"samples={path}: pictures of {tuple(images.shape[1:])} (channels, height, width), and the data's have "
            f"{shape}; what is measured is never resized"
        )
    if len(images) < 100:
        raise UserError(f"samples={path}: {len(images)} pictures are too few to measure; 100 are the fewest")
    return images, labels


def _npz(path: Path, n: int) -> tuple[Tensor, Tensor | None]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images = arrays["arr_0"][:n]
            labels = arrays["arr_1"][:n] if "arr_1" in arrays else None
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"samples={path}: {error}; name a folder of pictures, or an .npz that holds arr_0") from None
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise UserError(
            f"samples={path}: arr_0 is {images.dtype} {images.shape}, not uint8 [N, height, width, channels]"
        )
    tensor = torch.from_numpy(images if images.ndim == 4 else images[..., None]).permute(0, 3, 1, 2).contiguous()
    if labels is None:
        return tensor, None
    if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
        raise UserError(f"samples={path}: arr_1 is {labels.dtype} {labels.shape}, not an integer a picture")
    return tensor, torch.from_numpy(labels.astype(np.int64))


def _folder(path: Path, n: int, grey: bool) -> Tensor:
    suffixes = Image.registered_extensions()
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in suffixes)[:n]
    try:
        arrays = [np.asarray(Image.open(file).convert("L" if grey else "RGB")) for file in files]
        stacked = np.stack(arrays)
    except (OSError, ValueError) as error:
        raise UserError(f"samples={path}: {error}; all its pictures must be readable and of one size") from None
    return torch.from_numpy(stacked if stacked.ndim == 4 else stacked[..., None]).permute(0, 3, 1, 2).contiguous()
