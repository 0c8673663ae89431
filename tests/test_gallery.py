"""The gallery's pictures can be made again by its commands."""

import json
from pathlib import Path

from benchmarks.gallery import IMAGES, blocks, finished


def test_each_picture_of_the_documents_has_its_commands():
    assert sorted(blocks()) == sorted(path.name for path in IMAGES.glob("*.png"))
    assert blocks()["report.png"] == ["python -m ganexp.report root=outputs"]


def test_a_finished_training_is_found_by_its_recipe(tmp_path):
    for name, status in {
        "2026-01-01_01-02-03-000001_conditional": "finished",
        "2026-01-02_01-02-03-000001_r1gan_conditional": "finished",
        "2026-01-03_01-02-03-000001_conditional": "failed",
    }.items():
        (tmp_path / "outputs" / name).mkdir(parents=True)
        (tmp_path / "outputs" / name / "run.json").write_text(json.dumps({"status": status}))
    found = finished(tmp_path, "python -m ganexp.train model=conditional")
    assert found == Path("outputs/2026-01-01_01-02-03-000001_conditional")
    assert finished(tmp_path, "python -m ganexp.train model=vanilla") is None
