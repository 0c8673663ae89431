"""The notebooks of docs/notebooks: tidy as they are stored, and run from the first cell to the last."""

import json
import re
import time
from pathlib import Path

import pytest
from conftest import TINY

nbformat = pytest.importorskip("nbformat", reason="notebooks are run by nbclient: install the dev extra")

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SHORT = [
    "data.classes=[0,1]",
    "data.batch_size=8",
    "trainer.accelerator=cpu",
    "trainer.log_every_n_steps=2",
    "evaluation.samples=100",
    "evaluation.final=100",
    "model.latent_dim=4",
]


def test_there_are_two():
    assert [path.name for path in NOTEBOOKS] == ["first_gan.ipynb", "homework.ipynb"]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def parameters(notebook):
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    return cell


def test_a_stored_notebook_is_small_and_holds_no_output(notebook):
    nbformat.validate(notebook)
    assert len(notebook.cells) <= 20
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code(notebook))


def test_it_installs_ganexp_in_its_first_cell_and_is_set_in_its_second(notebook):
    install, settings, *_ = code(notebook)
    assert "%pip install" in install.source and settings is parameters(notebook)


def test_its_links_lead_somewhere(notebook):
    linked = re.findall(r"\]\(([^)#]+)", "".join(cell.source for cell in notebook.cells))
    assert linked and [name for name in linked if not (FOLDER / name).is_file()] == []


@pytest.mark.slow
def test_it_runs(notebook, tmp_path):
    nbclient = pytest.importorskip("nbclient")
    parameters(notebook).source = f"STEPS, WORDS = 4, {SHORT}"
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    install, *others = code(notebook)
    assert install.outputs == [], "ganexp is installed here"
    shown = [output for cell in others for output in cell.outputs]
    printed = "".join(output.text for output in shown if output.output_type == "stream")
    kinds = {kind for output in shown for kind in output.get("data", ())}
    assert "training: 100%" in printed or "application/vnd.jupyter.widget-view+json" in kinds
    assert "iterations of 8 pictures" in printed
    assert {"text/html", "image/png"} <= kinds
    assert len(json.dumps(shown)) < 3_000_000


def answer(client, asked: str) -> dict:
    """What the kernel says at the end of a cell."""
    while (reply := client.get_shell_msg(timeout=300))["parent_header"]["msg_id"] != asked:
        pass
    return reply["content"]


@pytest.mark.slow
def test_the_stop_button_saves_the_run_and_leaves_the_notebook_alive(tmp_path):
    manager = pytest.importorskip("jupyter_client.manager")
    words = [*TINY, "trainer.max_steps=1000000", "hydra.run.dir=run"]
    kernel, client = manager.start_new_kernel(cwd=str(tmp_path))
    try:
        asked = client.execute(f"import ganexp; ganexp.train(*{words})", stop_on_error=False)
        deadline = time.monotonic() + 300
        while not (tmp_path / "run" / "checkpoints" / "last.ckpt").is_file() and time.monotonic() < deadline:
            time.sleep(0.2)
        kernel.interrupt_kernel()
        stopped = answer(client, asked)
        assert (stopped["status"], stopped["evalue"]) == ("error", "SIGINT")
        asked = client.execute("with open('status', 'w') as file: file.write(ganexp.load('run').record['status'])")
        assert answer(client, asked)["status"] == "ok"
        assert (tmp_path / "status").read_text() == "interrupted"
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
