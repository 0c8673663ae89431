"""docs/python.md, followed literally but with small networks on made-up pictures."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import TINY
from PIL import Image

TEXT = (Path(__file__).parents[1] / "docs" / "python.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S)
WITH_GANEXP, (EXPORT, ONNX, SAFETENSORS) = BLOCKS[:-3], BLOCKS[-3:]


@pytest.fixture(scope="module")
def page(tmp_path_factory, fake_evaluator):
    """What the names of the page mean after its first blocks, in a folder that has the page's files."""
    folder, names = tmp_path_factory.mktemp("page"), {"torch": torch}
    names["SHORT"] = [word for word in TINY if not word.startswith("model.hidden")] + [
        *("data.n=256", f"data.evaluator={fake_evaluator}"),
        *("evaluation.every=2", "evaluation.samples=100", "evaluation.final=100"),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in WITH_GANEXP:
            exec(block.replace('"trainer.max_steps=2000"', "*SHORT").replace("64,256", "4,8"), names)
        yield names, folder


def test_runs_are_trained_opened_and_measured(page):
    names, _ = page
    assert [run.config.model.hidden for run in names["widths"]] == [4, 8]
    assert len(names["every"]) == 3 and names["run"].path.samefile(names["widths"][-1].path)
    assert names["evaluation"].card.samples == 1000
    assert names["images"].shape == (16, 1, 28, 28) and names["images"].abs().max() <= 1


@pytest.fixture(scope="module")
def exported(page) -> Path:
    pytest.importorskip("onnx")
    names, _ = page
    exec(EXPORT, names)
    return names["folder"]


def elsewhere(folder: Path, code: str, *absent: str) -> None:
    """Run the code in a folder. None of these packages may be imported by it."""
    code += f"\nimport sys\nassert not {{*{absent}}} & {{*sys.modules}}\n"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, timeout=300)


@pytest.mark.slow
def test_the_generator_runs_without_ganexp_and_without_torch(exported):
    elsewhere(exported, ONNX, "ganexp", "torch")
    with Image.open(exported / "digits.png") as sheet:
        assert sheet.size == (280, 28)


@pytest.mark.slow
def test_the_generator_is_built_again_without_hydra_and_without_lightning(page, exported):
    check = "torch.save((generator.state_dict(), images), 'built.pt')\n"
    elsewhere(exported, SAFETENSORS + check, "hydra", "pytorch_lightning")
    state, images = torch.load(exported / "built.pt")
    own = page[0]["run"].generator.state_dict()
    assert state.keys() == own.keys() and all(torch.equal(state[key], own[key]) for key in own)
    assert images.shape == (10, 1, 28, 28)
