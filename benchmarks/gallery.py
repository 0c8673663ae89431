"""Makes the pictures of docs/gallery.md again, by the commands that stand there:

    python -m benchmarks.gallery FOLDER
    python -m benchmarks.gallery FOLDER report.png

The trainings go to FOLDER/outputs, and one that has finished there is not repeated. All of them take about 30 minutes
on two cores.
"""

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"


def blocks() -> dict[str, list[str]]:
    """The commands above each picture of the gallery, by the name of the picture."""
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    found = re.findall(r"```\n(.*?)```\n.*?\]\(images/(\S+?)\)", text, re.DOTALL)
    return {name: commands.splitlines() for commands, name in found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("pictures", nargs="*", help="their names; all by default", metavar="picture")
    typed = parser.parse_args()
    typed.folder.mkdir(parents=True, exist_ok=True)
    run = None
    for name, commands in blocks().items():
        for line in commands:
            if line.startswith("python -m ganexp.train"):
                run = finished(typed.folder, line) or trained(typed.folder, line)
            elif name in typed.pictures or not typed.pictures:
                do(typed.folder, line.replace("RUN", str(run)))
        if name in typed.pictures or not typed.pictures:
            keep(typed.folder, run, name)
            print(IMAGES / name)


def do(folder: Path, line: str) -> None:
    words = shlex.split(line)
    subprocess.run([sys.executable, *words[1:]], cwd=folder, check=True)


def finished(folder: Path, line: str) -> Path | None:
    """The newest finished run of a command such as `python -m ganexp.train model=wgan_gp`, relative to the folder."""
    recipe = line.rpartition("model=")[2]
    records = sorted(folder.glob(f"outputs/*_{recipe}/run.json"))
    # The name of another recipe may end alike: `conditional`, `r1gan_conditional`.
    own = [path for path in records if re.fullmatch(rf"[\d_-]+_{recipe}", path.parent.name)]
    done = [path for path in own if json.loads(path.read_text())["status"] == "finished"]
    return done[-1].parent.relative_to(folder) if done else None


def trained(folder: Path, line: str) -> Path:
    do(folder, line)
    run = finished(folder, line)
    assert run is not None, f"{line} has not finished"
    return run


def keep(folder: Path, run: Path | None, name: str) -> None:
    """Copy a picture to docs/images: a file that `out=` named, a file of the run, or a photograph of a page."""
    if name == "report.png":
        photograph(folder / "report.html", name, height=1150)
        return
    assert run is not None
    if name == "explorer.png":
        photograph(folder / run / "export" / "explorer.html", name, height=950)
    elif (folder / name).is_file():
        shutil.copy(folder / name, IMAGES / name)
    elif (folder / run / "samples" / name).is_file():
        shutil.copy(folder / run / "samples" / name, IMAGES / name)
    else:
        shutil.copy(max((folder / run / "samples").glob("step-*.png")), IMAGES / name)


def photograph(page: Path, name: str, height: int) -> None:
    """Open a page in a browser and keep its upper part as a PNG."""
    from playwright.sync_api import sync_playwright

    installed = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=installed)
        view = browser.new_page(viewport={"width": 1100, "height": height})
        view.goto(page.resolve().as_uri())
        view.wait_for_timeout(2000)  # The charts are drawn a moment later.
        view.screenshot(path=IMAGES / name)
        browser.close()


if __name__ == "__main__":
    main()
