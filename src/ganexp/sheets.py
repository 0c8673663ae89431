"""Streams of pictures to files: a sheet, an animation, single files, an array."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganexp.pictures import enlarged, grid, to_pil

Batches = Iterable[tuple[Tensor, Tensor | None]]


def write(batches: Batches, out: Path, columns: int | None = None, classes: tuple[str, ...] = ()) -> None:
    """Write the kind of file that the name of `out` asks for. A sheet has `columns` and the names of `classes`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".npz":
        _array(batches, out)
    elif out.suffix == "":
        _folder(batches, out)
    else:
        images, labels = zip(*batches, strict=True)
        images, numbers = torch.cat(images), [int(n) for some in labels if some is not None for n in some]
        if out.suffix == ".png":
            grid(images, columns, [classes[n] for n in numbers] if classes else None).save(out)
        else:
            first, *others = [enlarged(to_pil(image)) for image in images]
            first.save(out, save_all=True, append_images=others, duration=100, loop=0, lossless=True)


def _folder(batches: Batches, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    number = 0
    for images, labels in batches:
        for place, image in enumerate(images):
            label = f"-{labels[place]}" if labels is not None else ""
            to_pil(image).save(out / f"{number:06d}{label}.png")
            number += 1


def _array(batches: Batches, out: Path) -> None:
    """ADM's layout (Dhariwal and Nichol 2021): arr_0 uint8 NHWC, arr_1 int64 labels. Never all in memory."""
    raw, labels, n, shape = out.with_suffix(".raw"), [], 0, (0, 0, 0)
    with open(raw, "wb") as file:
        for images, of_these in batches:
            file.write(images.permute(0, 2, 3, 1).contiguous().numpy().data)
            n, shape = n + len(images), tuple(images.permute(0, 2, 3, 1).shape[1:])
            labels += [of_these] * (of_these is not None)
    arrays: dict[str, np.ndarray] = {"arr_0": np.memmap(raw, np.uint8, "r", shape=(n, *shape))}
    if labels:
        arrays["arr_1"] = torch.cat(labels).numpy()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    raw.unlink()
