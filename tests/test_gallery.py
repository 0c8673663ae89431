"""The pictures of the documents can be made again by the commands that stand above them."""

import json

import pytest
from PIL import Image

from benchmarks import gallery, homework
from benchmarks.gallery import DOCS, IMAGES, blocks


def test_each_picture_of_the_documents_has_its_commands():
    shown = [*blocks(DOCS / "gallery.md"), *blocks(DOCS / "homework.md")]
    kept = [path.relative_to(IMAGES).as_posix() for path in IMAGES.rglob("*.png")]
    assert sorted(shown) == sorted(name for name in kept if not name.startswith("results/"))
    assert blocks(DOCS / "gallery.md")["report.png"] == ["python -m ganexp.report root=outputs"]


def test_the_nearest_block_above_a_picture_makes_the_picture(tmp_path):
    (tmp_path / "text.md").write_text(
        "```\none\n```\n\n```\ntwo\nthree\n```\nWords.\n\n![A](images/a.png) ![B](images/b.png)\n"
    )
    assert blocks(tmp_path / "text.md") == {"a.png": ["two", "three"], "b.png": ["two", "three"]}


def test_a_training_is_typed_once_and_its_runs_are_known(tmp_path, monkeypatch):
    typed = []

    def do(folder, line):
        typed.append(line)
        for job in ("0_a", "1_b") if "train -m" in line else ("one",):
            run = folder / "outputs" / str(len(typed)) / job
            run.mkdir(parents=True)
            (run / "run.json").write_text(json.dumps({}))

    monkeypatch.setattr(gallery, "do", do)
    one, sweep = "python -m ganexp.train model=wgan", "python -m ganexp.train -m seed=0,1"
    for _ in range(2):
        assert list(map(str, gallery.trained(tmp_path, one))) == ["outputs/1/one"]
        assert list(map(str, gallery.trained(tmp_path, sweep))) == ["outputs/2/0_a", "outputs/2/1_b"]
    assert typed == [one, sweep]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_grids_stand_side_by_side(mode):
    # 80 pictures of 6 x 6 with lines of 2 pixels between.
    grid = Image.new(mode, (10 * 8 + 2, 8 * 8 + 2), "grey")
    part = homework.corner(grid, columns=3, rows=2)
    assert part.size == (3 * 8 + 2, 2 * 8 + 2)
    both = homework.beside([part, part], gap=10)
    assert both.size == (2 * 26 + 10, 18) and both.mode == mode
