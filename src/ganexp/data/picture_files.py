"""Picture files: which files are below a folder, and the pixels in a file. Every reader of pictures uses this one."""

import contextlib
import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

MOST_PIXELS = 50_000_000
"""A larger picture is not decoded: a small file can claim any size, and Pillow needs up to 20 bytes a pixel."""

LARGE = 4_000_000
"""Pixels. Pictures above this size are decoded one at a time, so that memory does not grow with the cores."""

_one_large = threading.Lock()


class Unreadable(Exception):
    """A file is not taken as a picture; the text is the reason."""


def list_files(folder: Path) -> tuple[list[Path], dict[Path, str]]:
    """All files below `folder`, sorted, and the reason of each path that cannot be entered or read as a file.

    Linked folders are followed. Names that begin with a dot are left out.
    """
    files: list[Path] = []
    refused: dict[Path, str] = {}
    for path in _walk(folder, (), refused):
        if os.path.isfile(path):
            files.append(path)
        else:
            refused[path] = "a link that cannot be followed" if path.is_symlink() else "not a file"
    return sorted(files), refused


def _walk(folder: Path, above: tuple[tuple[int, int], ...], refused: dict[Path, str]) -> Iterator[Path]:
    """Everything below `folder` that is not a folder. `above`: the identities of the folders on the way here."""
    try:
        status = folder.stat()
        entries = list(os.scandir(folder))
    except OSError as error:
        refused[folder] = error.strerror or str(error)
        return
    identity = (status.st_dev, status.st_ino)
    if identity in above:  # A link to a folder above it: its files are in the list already.
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if os.path.isdir(entry):
            yield from _walk(folder / entry.name, (*above, identity), refused)
        else:
            yield folder / entry.name


def looks_like_picture(file: Path) -> bool:
    """Whether the file's name ends as picture files do."""
    return file.suffix.lower() in Image.registered_extensions()


def read_files(files: Sequence[Path], into: Tensor, resize: bool) -> list[str | None]:
    """Read `files[i]` into `into[i]`, uint8 [N, C, H, W] with C 1 or 3; None, or the reason why it cannot be read.

    resize: resize the middle square of each picture. Otherwise a picture of another size counts as unreadable.
    """

    def attempt(i: int) -> str | None:
        try:
            into[i] = read(files[i], (into.shape[1], into.shape[2], into.shape[3]), resize)
        except Unreadable as error:
            return str(error)
        return None

    # Pillow warns of large pictures; here they are refused with a reason, or are no danger.
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:  # Decoders run outside Python's lock.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return list(pool.map(attempt, range(len(files))))


def read(file: Path, shape: tuple[int, int, int], resize: bool) -> Tensor:
    """The picture in `file`, upright, uint8 of `shape` (channels 1 or 3, height, width).

    Transparent parts become white. Unreadable, with the reason, if the file cannot be read or is no picture, if the
    picture is too large, or if nothing says which of its values is white.
    """
    channels, height, width = shape
    try:
        with Image.open(file) as image:
            pixels = image.width * image.height
            if not resize and pixels != width * height:
                raise Unreadable(f"{image.width}x{image.height} pixels, not {width}x{height}")
            if resize:  # JPEG decodes straight to a smaller picture.
                image.draft(None, (2 * width, 2 * height))
            if not image.info.get("progressive"):  # A progressive JPEG needs memory for the whole picture all the same.
                pixels = image.width * image.height
            if pixels > MOST_PIXELS:
                raise Unreadable(f"{pixels / 1e6:.0f} megapixels, and at most {MOST_PIXELS // 10**6} are decoded")
            with _one_large if pixels > LARGE else contextlib.nullcontext():
                grey = _grey_range(image)
                ImageOps.exif_transpose(image, in_place=True)
                ready = _eight_bits(image, grey).convert("RGB" if channels == 3 else "L")
                if resize:
                    ready = ImageOps.fit(ready, (width, height), Image.Resampling.LANCZOS)
    except Unreadable:
        raise
    except Exception as error:  # Every format's decoder fails in its own way.
        raise Unreadable(_reason(error)) from error
    if ready.size != (width, height):
        raise Unreadable(f"{ready.width}x{ready.height} pixels, not {width}x{height}")
    return torch.from_numpy(np.array(ready)).view(height, width, channels).permute(2, 0, 1)


def _grey_range(image: Image.Image) -> tuple[int, bool]:
    """The bits of a grey value beyond 8, and whether 0 is white. Unreadable if nothing says so."""
    tags = getattr(image, "tag_v2", {})  # only in TIFF
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        raise Unreadable("32 bits a pixel, where no value is known to be white; save it with 8 or 16 bits")
    return tags.get(258, (16,))[0], tags.get(262) == 0


def _eight_bits(image: Image.Image, grey: tuple[int, bool]) -> Image.Image:
    """The upper 8 bits of grey values, which Pillow would clip at 255; transparent parts on white."""
    if image.mode.startswith("I"):
        bits, zero_is_white = grey
        values = (np.asarray(image) >> (bits - 8)).clip(0, 255).astype(np.uint8)
        return Image.fromarray(255 - values if zero_is_white else values)
    if image.has_transparency_data:
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image


def _reason(error: Exception) -> str:
    """An exception of a decoder in a few words."""
    if isinstance(error, UnidentifiedImageError):
        return "not a picture that Pillow knows"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = (str(error).splitlines() or [""])[0]
    return text if isinstance(error, OSError | ValueError | SyntaxError) and text else f"{type(error).__name__}: {text}"
