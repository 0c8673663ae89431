"""Streams of pictures to files: a sheet, an animation, single files, an array."""

import os
import secrets
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganexp.pictures import grid, to_pil

PictureStream = Iterable[tuple[Tensor, Tensor | None]]
"""Batches of pictures, uint8 [B, C, H, W], and of their labels, int64 [B] or None."""


def write(stream: PictureStream, n: int, out: Path, folder: bool, columns: int | None) -> None:
    """Write the n pictures of a stream as the suffix of `out` asks, or as single files if `out` is a folder.

    columns: of a sheet; None makes the sheet square.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    if folder:
        _folder(stream, out)
        return
    with _whole(out) as path:
        if out.suffix.lower() == ".npz":
            _array(stream, n, path)
            return
        images = torch.cat([images for images, _ in stream])
        if out.suffix.lower() == ".png":
            to_pil(grid(images, columns or round(len(images) ** 0.5) or 1)).save(path)
        else:
            first, *others = [to_pil(image) for image in images]
            first.save(path, save_all=True, append_images=others, duration=100, loop=0)


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A new file beside `out`, under a name that nobody owns. It takes the place of `out` once it is written."""
    path = out.with_name(f".{secrets.token_hex(8)}{out.suffix}")
    try:
        yield path
        os.replace(path, out)
    finally:
        path.unlink(missing_ok=True)


def _folder(stream: PictureStream, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    number = 0
    for images, labels in stream:
        for place, image in enumerate(images):
            label = f"-{labels[place]}" if labels is not None else ""
            to_pil(image).save(out / f"{number:06d}{label}.png")
            number += 1


def _array(stream: PictureStream, n: int, path: Path) -> None:
    """ADM's layout (Dhariwal and Nichol 2021): arr_0 uint8 NHWC, arr_1 int64 labels. Only one batch is in memory."""
    batches = iter(stream)
    first = next(batches)
    channels, height, width = first[0].shape[1:]
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, height, width, channels)}
    labels: list[Tensor] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        with archive.open("arr_0.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for images, of_these in chain([first], batches):
                file.write(images.permute(0, 2, 3, 1).contiguous().numpy().data)
                if of_these is not None:
                    labels.append(of_these)
        if labels:
            with archive.open("arr_1.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, torch.cat(labels).numpy(), allow_pickle=False)
