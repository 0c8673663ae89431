"""Pictures that people look at: tensors become grids with labels, enlarged pictures and animations."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps
from torch import Tensor

GREY, WHITE = 96, 255
"""The shades behind the pictures of a grid, and of its labels."""

LINE = 22
"""Height in pixels of one line of text."""

FONT = ImageFont.load_default(16)


def to_uint8(images: Tensor) -> Tensor:
    """Floats in [-1, 1] become the nearest of 256 levels. Values outside are clamped."""
    # A cast without rounding would darken the pictures by half a level, and values outside would wrap around.
    return images.float().add(1).mul(127.5).clamp(0, 255).round().to(torch.uint8)


def to_pil(image: Tensor) -> Image.Image:
    """uint8 [C, H, W] with 1 or 3 channels as a Pillow image."""
    array = image.permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def enlarged(image: Image.Image, side: int = 320) -> Image.Image:
    """The picture, every pixel a square, by the largest whole factor that keeps both sides within `side` pixels.

    A larger picture stays as it is.
    """
    factor = max(side // max(image.size), 1)
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def columns_of(n: int) -> int:
    """The number of columns of a grid of n pictures: 10 for 80, 8 for 64, 5 for 10.

    The grid is full and not much wider than high, or nearly square if n has no such divisor.
    """
    return next((c for c in range(1, n + 1) if n % c == 0 and n <= c * c <= 4 * n), -int(-(n**0.5) // 1))


def grid(images: Tensor, columns: int | None = None, labels: Sequence[str] | None = None) -> Image.Image:
    """uint8 [N, C, H, W] as one picture, row by row on grey, with `columns_of(N)` columns unless a number is given.

    Every pixel becomes a square, by the largest whole factor with which a picture has at most 256 pixels a side and
    the pictures together 1,024. `labels`, one for each picture, are written once: above the grid if all are equal,
    above a column or beside a row that shares its label, and otherwise below each picture.
    """
    n, channels, height, width = images.shape
    columns = columns or columns_of(n)
    rows = -(-n // columns)
    factor = max(min(256 // max(height, width), 1000 // max(rows * height, columns * width)), 1)
    gap = 4 if factor > 1 else 2
    height, width = factor * height, factor * width

    labels = labels or []
    same = len(set(labels)) == 1
    by_column = [labels[i::columns] for i in range(columns)]
    by_row = [labels[i * columns : (i + 1) * columns] for i in range(rows)]
    above = not same and _shared(by_column)
    beside = not same and not above and _shared(by_row)
    below = bool(labels) and not same and not above and not beside

    left = min(max(map(_length, labels)), 200) + 12 if beside else 0
    top = LINE if above else 0
    down, across = height + gap + LINE * below, width + gap
    size = (channels, top + gap + rows * down, left + gap + columns * across)
    sheet = torch.full(size, GREY, dtype=torch.uint8)
    large = images.cpu().repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    places = [(top + gap + i // columns * down, left + gap + i % columns * across) for i in range(n)]
    for image, (y, x) in zip(large, places, strict=True):
        sheet[:, y : y + height, x : x + width] = image

    picture = to_pil(sheet)
    if above:
        for (_, x), (label, *_) in zip(places, by_column, strict=False):
            _write(picture, label, x + width // 2, LINE // 2, width)
    if beside:
        for (y, _), (label, *_) in zip(places[::columns], by_row, strict=True):
            _write(picture, label, left // 2, y + height // 2, left)
    if below:
        for (y, x), label in zip(places, labels, strict=True):
            _write(picture, label, x + width // 2, y + height + LINE // 2, width)
    return captioned(picture, labels[0]) if same else picture


def captioned(image: Image.Image, text: str) -> Image.Image:
    """The picture below one line of text."""
    whole = Image.new(image.mode, (image.width, image.height + LINE), (GREY,) * len(image.getbands()))
    whole.paste(image, (0, LINE))
    _write(whole, text, image.width // 2, LINE // 2 + 1, image.width)
    return whole


def animate(frames: Sequence[Path], captions: Sequence[str], path: Path, milliseconds: int = 150) -> None:
    """A GIF of picture files, each below its caption. The last frame stays for two seconds, then all starts again.

    Damaged files are left out; at least one must be whole.
    Of more than 60 files it shows 60, evenly chosen, the first and the last among them.
    """
    chosen = sorted({round(i * (len(frames) - 1) / 59) for i in range(60)}) if len(frames) > 60 else range(len(frames))
    chosen = [i for i in chosen if _is_whole(frames[i])]
    with Image.open(frames[chosen[-1]]) as last:
        size = last.size

    def frame(i: int) -> Image.Image:
        with Image.open(frames[i]) as opened:
            # A run that an older version began has smaller grids.
            image = captioned(opened.resize(size, Image.Resampling.NEAREST), captions[i])
        # Fewer shades make the file a third as large, and nobody sees it.
        if image.mode == "L":
            return ImageOps.posterize(image, 4)
        return image.quantize(64, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)

    first, *others = chosen
    durations = [milliseconds] * len(others) + [2000]
    # Frames are opened one by one: a long run has more of them than files may be open.
    frame(first).save(path, save_all=True, append_images=map(frame, others), duration=durations, loop=0)


def _is_whole(path: Path) -> bool:
    """Whether the file is a picture that can be decoded to its end."""
    try:
        with Image.open(path) as opened:
            opened.load()
    except OSError:
        return False
    return True


def _shared(groups: Sequence[Sequence[str]]) -> bool:
    """Whether every group of labels holds one label, and there are labels."""
    return any(groups) and all(len(set(group)) <= 1 for group in groups)


def _length(text: str) -> int:
    return int(FONT.getlength(text)) + 1


def _write(picture: Image.Image, text: str, x: int, y: int, width: int) -> None:
    """White text around (x, y), cut to `width` pixels."""
    if _length(text) > width:
        end = next((end for end in range(len(text) - 1, 0, -1) if _length(text[:end] + "…") <= width), 0)
        text = text[:end] + "…"
    colour = WHITE if picture.mode == "L" else (WHITE,) * 3
    ImageDraw.Draw(picture).text((x, y), text, fill=colour, font=FONT, anchor="mm")
