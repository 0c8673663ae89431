"""Makes the pictures of docs/gallery.md again, by the commands of that page:

    python -m benchmarks.gallery FOLDER
    python -m benchmarks.gallery FOLDER report.png

The runs' folders are in FOLDER/outputs. A training that has ended there is not repeated. The trainings of digits take
about 30 minutes on two cores, and those of CIFAR-10 about 50.
"""

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
IMAGES = DOCS / "images"
KNOWN = "trainings.json"
"""The file in FOLDER that says which runs a command has made there."""


def blocks(document: Path) -> dict[str, list[str]]:
    """The commands in the block above each picture of a document, by the name of the picture."""
    found: dict[str, list[str]] = {}
    commands: list[str] = []
    for block, picture in re.findall(r"^```\n(.*?)^```$|\]\(images/(\S+?)\)", document.read_text("utf-8"), re.M | re.S):
        if picture:
            found[picture] = commands
        else:
            commands = block.splitlines()
    return found


def make(document: Path, keep: Callable[[Path, list[Path], str], None], about: str) -> None:
    """Make the pictures of a document that the command line names.

    keep: puts the picture of that name into docs/images. It gets FOLDER, the runs of the newest command, relative to
        FOLDER, and the name.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("pictures", nargs="*", help="their names; all by default", metavar="picture")
    typed = parser.parse_args()
    typed.folder.mkdir(parents=True, exist_ok=True)
    runs: list[Path] = []
    for name, commands in blocks(document).items():
        own: list[Path] = []
        wanted = name in typed.pictures or not typed.pictures
        for line in commands:
            if line.startswith("python -m ganexp.train"):
                # Typed even if nobody wants this picture, because blocks below may need the run.
                own += trained(typed.folder, line)
                runs = own
            elif wanted:
                do(typed.folder, re.sub(r"\brun=(RUN|latest)\b", f"run={runs[-1]}", line))
        if wanted:
            keep(typed.folder, runs, name)
            print(IMAGES / name)


def do(folder: Path, line: str) -> None:
    words = shlex.split(line, comments=True)
    subprocess.run([sys.executable, *words[1:]], cwd=folder, check=True)


def trained(folder: Path, line: str) -> list[Path]:
    """The runs that a command has made in the folder, relative to the folder. The command runs if it has made none."""
    known = json.loads((folder / KNOWN).read_text()) if (folder / KNOWN).is_file() else {}
    if line not in known:
        before = set(folder.rglob("run.json"))
        do(folder, line)
        made = sorted(set(folder.rglob("run.json")) - before)
        known[line] = [str(record.parent.relative_to(folder)) for record in made]
        (folder / KNOWN).write_text(json.dumps(known, indent=2))
    return [Path(run) for run in known[line]]


def keep(folder: Path, runs: list[Path], name: str) -> None:
    """Copy a picture to docs/images: a file that `out=` named, a file of the run, or a photograph of a page."""
    samples = folder / runs[-1] / "samples"
    if name == "report.png":
        photograph(folder / "report.html", name, height=1150)
    elif name == "explorer.png":
        photograph(folder / runs[-1] / "export" / "explorer.html", name, height=950)
    elif (folder / name).is_file():
        shutil.copy(folder / name, IMAGES / name)
    elif (samples / name).is_file():
        shutil.copy(samples / name, IMAGES / name)
    else:
        shutil.copy(max(samples.glob("step-*.png")), IMAGES / name)


def photograph(page: Path, name: str, height: int, part: str | None = None) -> None:
    """Open a page in a browser and keep a PNG of its upper part, or of the first element that a selector finds."""
    from playwright.sync_api import sync_playwright

    installed = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=installed)
        view = browser.new_page(viewport={"width": 1100, "height": height})
        view.goto(page.resolve().as_uri())
        view.wait_for_timeout(2000)  # The charts are drawn a moment later.
        (view.locator(part).first if part else view).screenshot(path=IMAGES / name)
        browser.close()


if __name__ == "__main__":
    make(DOCS / "gallery.md", keep, str(__doc__))
