"""Streams of pictures to files: a sheet, an animation, single files, an array."""

import zipfile
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganexp.files.whole import whole
from ganexp.pictures.drawing import enlarged, grid, to_pil
from ganexp.pictures.sampling import PictureStream


def write(
    stream: PictureStream, n: int, out: Path, folder: bool, columns: int | None = None, classes: tuple[str, ...] = ()
) -> None:
    """Write the n pictures of a stream as the suffix of `out` asks, or as single files if `out` is a folder.

    A sheet has `columns`, or is square, and shows the names of `classes`.
    """
    if folder:
        _folder(stream, out)
        return
    with whole(out) as path:
        if out.suffix.lower() == ".npz":
            _array(stream, n, path)
            return
        images, labels = zip(*stream, strict=True)
        images, numbers = torch.cat(images), [int(n) for some in labels if some is not None for n in some]
        if out.suffix.lower() == ".png":
            grid(images, columns, [classes[n] for n in numbers] if classes else None).save(path)
        else:
            first, *others = [enlarged(to_pil(image)) for image in images]
            first.save(path, save_all=True, append_images=others, duration=100, loop=0, lossless=True)


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
