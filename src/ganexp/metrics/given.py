"""Pictures that something else generated: an `.npz` in ADM's layout (Dhariwal and Nichol 2021), or a folder."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganexp.errors import UserError
from ganexp.seeds import shuffled


def read(path: Path, n: int, shape: tuple[int, int, int]) -> tuple[Tensor, Tensor | None]:
    """`n` of them, or all if there are fewer: pictures uint8 [N, C, H, W] of `shape` (C, H, W), labels int64 [N].

    Which ones, and in which order, is drawn at random, the same at each call: they may be sorted by class, and some
    figures are of the first so many.

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
            images = arrays["arr_0"]
            labels = arrays.get("arr_1")
    except OSError as error:
        raise UserError(f"samples={path}: {error.strerror or error}; name a folder of pictures, or an .npz") from None
    except (KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        raise UserError(
            f"samples={path}: not an .npz that holds arr_0; name one that is whole, or a folder of pictures"
        ) from None
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise UserError(
            f"samples={path}: arr_0 is {images.dtype} {images.shape}, not uint8 [N, height, width, channels]"
        )
    if labels is not None and (labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer)):
        raise UserError(f"samples={path}: arr_1 is {labels.dtype} {labels.shape}, not an integer a picture")
    chosen = shuffled(len(images))[:n].numpy()
    labels = torch.from_numpy(labels[chosen].astype(np.int64)) if labels is not None else None
    return _channels_first(images[chosen]), labels


def _folder(path: Path, n: int, grey: bool) -> Tensor:
    suffixes = Image.registered_extensions()
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in suffixes)
    if not files:
        raise UserError(f"samples={path}: no pictures in it or below it; name a folder of pictures, or an .npz")
    chosen = [files[i] for i in shuffled(len(files))[:n]]
    try:
        arrays = [np.asarray(Image.open(file).convert("L" if grey else "RGB")) for file in chosen]
        stacked = np.stack(arrays)
    except (OSError, ValueError) as error:
        raise UserError(f"samples={path}: {error}; all its pictures must be readable and of one size") from None
    return _channels_first(stacked)


def _channels_first(images: np.ndarray) -> Tensor:
    """uint8 [N, C, H, W] of [N, H, W, C] or [N, H, W]."""
    return torch.from_numpy(images if images.ndim == 4 else images[..., None]).permute(0, 3, 1, 2).contiguous()
