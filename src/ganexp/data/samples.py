"""Samples that another program generated: an `.npz` in ADM's layout (Dhariwal and Nichol 2021), or a folder."""

import logging
import lzma
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from ganexp.data.dataset import printable
from ganexp.data.picture_files import list_files, looks_like_picture, read_files
from ganexp.errors import UserError
from ganexp.seeds import shuffled

log = logging.getLogger("ganexp")

FEWEST, MOST = 100, 10_000_000
"""How many pictures are needed for a measurement, and how many a file may hold."""

WHAT_TO_NAME = "name a folder of pictures, or an .npz that holds arr_0"

Shape = tuple[int, int, int]


def read_samples(path: Path, n: int, shape: Shape) -> tuple[Tensor, Tensor | None]:
    """`n` pictures, or all if there are fewer: uint8 [N, C, H, W] of `shape` (C, H, W), and labels int64 [N] or None.

    The choice and the order are random, and the same at each call: files may be sorted by class, and some metrics use
    only the first pictures. An `.npz` holds `arr_0`, uint8 [N, H, W, C] or [N, H, W], and perhaps the labels `arr_1`,
    integers [N]. UserError if the pictures cannot be read, have another shape, or are fewer than 100.
    """
    images, labels = (_folder(path, n, shape), None) if path.is_dir() else _npz(path, n, shape)
    if len(images) < FEWEST:
        raise UserError(f"samples={path}: {len(images)} pictures are too few to measure; at least {FEWEST} are needed")
    return images, labels


def _chosen(size: int, n: int) -> Tensor:
    """Which of `size` pictures to take, in which order: int64 [min(n, size)]."""
    return shuffled(size)[:n]


def _folder(path: Path, n: int, shape: Shape) -> Tensor:
    files, refused = list_files(path)
    pictures = [file for file in files if looks_like_picture(file)]
    for file, reason in refused.items():
        raise UserError(f"samples={path}: {printable(str(file))}: {reason}; remove it, or make it readable")
    if not pictures:
        raise UserError(f"samples={path}: there are no pictures in the folder or below it; {WHAT_TO_NAME}")
    if others := [file.name for file in files if not looks_like_picture(file)]:
        log.info("samples=%s: left out %d files that are no pictures, such as %s", path, len(others), others[0])
    chosen = [pictures[i] for i in _chosen(len(pictures), n)]
    images = torch.empty(len(chosen), *shape, dtype=torch.uint8)
    for file, reason in zip(chosen, read_files(chosen, images, resize=False), strict=True):
        if reason is not None:
            raise UserError(
                f"samples={path}: {printable(str(file))}: {reason}; every picture must be readable and have the size "
                "of the data's pictures, since what is measured is never resized"
            )
    return images


def _npz(path: Path, n: int, shape: Shape) -> tuple[Tensor, Tensor | None]:
    try:
        with zipfile.ZipFile(path) as file:
            images, size = _read_chosen(file, n, shape)
            labels = _read_labels(file, size) if "arr_1.npy" in file.namelist() else None
    except zipfile.BadZipFile:
        raise UserError(f"samples={path}: not a whole .npz; {WHAT_TO_NAME}") from None
    except KeyError:
        raise UserError(f"samples={path}: there is no arr_0 in it; {WHAT_TO_NAME}") from None
    # What a zip file or a NumPy header of another program can raise.
    except (OSError, ValueError, TypeError, EOFError, RuntimeError, struct.error, zlib.error, lzma.LZMAError) as error:
        raise UserError(f"samples={path}: {getattr(error, 'strerror', None) or error}; {WHAT_TO_NAME}") from None
    return images, torch.from_numpy(labels[_chosen(size, n).numpy()].astype(np.int64)) if labels is not None else None


def _read_chosen(file: zipfile.ZipFile, n: int, shape: Shape) -> tuple[Tensor, int]:
    """The chosen pictures of `arr_0`, uint8 [N, C, H, W], and how many pictures there are. ValueError if they do not
    fit. Only chosen pictures take memory, however many the file unpacks to."""
    channels, height, width = shape
    with file.open("arr_0.npy") as array:
        there, dtype, columns_first = _header(array)
        if dtype != np.uint8 or len(there) not in (3, 4):
            raise ValueError(f"arr_0 is {dtype} {there}, not uint8 [N, height, width, channels]")
        if (*there[1:3], *(there[3:] or (1,))) != (height, width, channels):
            raise ValueError(
                f"arr_0 is {there}, and the data's pictures are {height}x{width} with {channels} channels; what is "
                "measured is never resized"
            )
        if columns_first:
            raise ValueError("arr_0 is in Fortran's order; save numpy.ascontiguousarray(arr_0)")
        size, each = there[0], math.prod(there[1:])
        if size > MOST:
            raise ValueError(f"arr_0 should hold {size} pictures, and at most {MOST} are read")
        place = torch.full((size,), -1)
        chosen = _chosen(size, n)
        place[chosen] = torch.arange(len(chosen))
        images = np.empty((len(chosen), height, width, channels), np.uint8)
        for i in place.tolist():
            picture = array.read(each)
            if len(picture) != each:
                raise ValueError("arr_0 was cut short")
            if i >= 0:
                images[i] = np.frombuffer(picture, np.uint8).reshape(images.shape[1:])
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), size


def _read_labels(file: zipfile.ZipFile, size: int) -> np.ndarray:
    """`arr_1`, integers [size]; ValueError if it is something else."""
    with file.open("arr_1.npy") as array:
        there, dtype, _ = _header(array)
        if there != (size,) or not np.issubdtype(dtype, np.integer):
            raise ValueError(f"arr_1 is {dtype} {there}, not one integer a picture")
        content = array.read(size * dtype.itemsize)
    return np.frombuffer(content, dtype, size)


def _header(array: IO[bytes]) -> tuple[tuple[int, ...], np.dtype, bool]:
    """Shape, dtype, and whether the order is Fortran's; ValueError if this is not an array."""
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        shape, columns_first, dtype = read[np.lib.format.read_magic(array)](array)
    except (OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError):  # The file is damaged, not the header.
        raise
    except Exception:  # NumPy reads a header as Python's text, and any error of a parser may come out.
        raise ValueError(f"{array.name} is not an array of bytes or integers") from None
    return shape, dtype, columns_first
