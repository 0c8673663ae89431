"""Makes the pictures of docs/homework.md again, by the commands of that page:

    python -m benchmarks.homework FOLDER
    python -m benchmarks.homework FOLDER homework/blur.png

Most pictures show the last grids of their trainings side by side, in the order of the commands. The runs' folders are
in FOLDER/outputs. A training that has ended there is not repeated. All trainings take an hour on two cores.
"""

import shutil
from pathlib import Path

from PIL import Image

from benchmarks.gallery import DOCS, IMAGES, make, photograph
from ganexp.callbacks.samples import COLUMNS, ROWS

ACROSS, DOWN = 12, 4
"""How many samples a picture shows: in a row, of all its runs together, and in a column."""

PARTS = {"_report.png": ".metrics", "_curves.png": "#curves"}
"""The part of a sweep's report that a picture shows, by the end of the picture's name."""


def keep(folder: Path, runs: list[Path], name: str) -> None:
    """Put a picture into docs/images: a file that `out=` named, a photograph of a sweep's report, or grids."""
    (IMAGES / name).parent.mkdir(exist_ok=True)
    written = folder / Path(name).name
    part = next((part for end, part in PARTS.items() if name.endswith(end)), None)
    if written.is_file():
        shutil.copy(written, IMAGES / name)
    elif part:
        photograph(folder / runs[0].parent / "report.html", name, height=1150, part=part)
        few_colours(Image.open(IMAGES / name)).save(IMAGES / name, optimize=True)
    else:
        grids = [max((folder / run / "samples").glob("step-*.png")) for run in runs]
        sheet = beside([corner(Image.open(grid), ACROSS // len(grids), DOWN) for grid in grids])
        (few_colours(sheet) if sheet.mode == "RGB" else sheet).save(IMAGES / name, optimize=True)


def few_colours(photograph: Image.Image) -> Image.Image:
    """The photograph with few colours. A page has few, and a PNG of few colours is small."""
    return photograph.convert("RGB").quantize(64, dither=Image.Dither.NONE)


def corner(grid: Image.Image, columns: int, rows: int) -> Image.Image:
    """The first columns and rows of a run's grid."""
    across, down = grid.width // COLUMNS, grid.height // ROWS
    return grid.crop((0, 0, grid.width - (COLUMNS - columns) * across, grid.height - (ROWS - rows) * down))


def beside(grids: list[Image.Image], gap: int = 24) -> Image.Image:
    """Pictures of one size side by side, on white."""
    width, height = grids[0].size
    sheet = Image.new(grids[0].mode, ((width + gap) * len(grids) - gap, height), "white")
    for place, grid in enumerate(grids):
        sheet.paste(grid, (place * (width + gap), 0))
    return sheet


if __name__ == "__main__":
    make(DOCS / "homework.md", keep, str(__doc__))
