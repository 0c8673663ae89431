"""The command: three files from a run, or one sentence."""

import importlib.util
import shutil

import pytest

for extra in ("onnx", "onnxscript", "onnxruntime", "safetensors"):
    pytest.importorskip(extra)


@pytest.fixture
def run(trained, tiny, tmp_path):
    return shutil.copytree(trained(*tiny, "model.conditional=true"), tmp_path / "run")


@pytest.mark.slow
def test_three_files_in_the_run_s_folder_or_in_another(type_, run, tmp_path):
    done = type_("export", "run=run")
    assert done.returncode == 0
    assert done.stderr == (
        "Written to run/export: generator.onnx, generator.safetensors, and explorer.html to open in a browser\n"
    )
    assert type_("export", "run=run", "weights=raw", "checkpoint=last", "out=other").returncode == 0
    files = ["explorer.html", "generator.onnx", "generator.safetensors"]
    for folder in (run / "export", tmp_path / "other"):
        assert sorted(path.name for path in folder.iterdir()) == files
    assert (run / "export" / files[0]).read_bytes() != (tmp_path / "other" / files[0]).read_bytes()
    # The page says how `sample` takes the same generator.
    assert " checkpoint=last weights=raw</code>" in (tmp_path / "other" / files[0]).read_text()
    assert type_("export", "run=run", "out=again").returncode == 0
    for file in files:
        assert (run / "export" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ([], "run has no value yet"),
        (["run=nowhere"], "run=nowhere: not a run's folder"),
        (["run=run", "checkpoint=best"], "the run has: last"),
        (["run=run", "weights=average"], "weights=average"),
        (["run=run", "out=taken"], "out=taken: there is a file of that name; name another"),
        (["run=run", "wieghts=raw"], "did you mean weights?"),
    ],
)
def test_a_mistake_gets_a_sentence(type_, run, tmp_path, typed, sentence):
    (tmp_path / "taken").touch()
    done = type_("export", *typed)
    assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr


def test_a_missing_package_is_named_before_anything_is_read(type_, monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr("ganexp.extras.find_spec", lambda name: None if name == "safetensors" else there(name))
    done = type_("export", "run=nowhere")
    assert (done.returncode, done.stderr) == (2, 'export needs safetensors: type pip install "ganexp[export]"\n')


@pytest.mark.slow
def test_a_network_that_the_page_cannot_run_still_gets_the_other_two_files(type_, run, monkeypatch):
    from ganexp.exporting.graph import OPERATORS

    monkeypatch.delitem(OPERATORS, "Concat")
    done = type_("export", "run=run")
    assert done.returncode == 2
    assert "no explorer.html: the network uses Concat, which the page cannot run; it knows Add, " in done.stderr
    assert sorted(p.name for p in (run / "export").iterdir()) == ["generator.onnx", "generator.safetensors"]


@pytest.mark.slow
def test_weights_that_are_too_many_for_a_page_too(type_, run, monkeypatch):
    monkeypatch.setattr("ganexp.exporting.explorer.LARGEST", 10_000)
    done = type_("export", "run=run")
    assert done.returncode == 2
    assert "no explorer.html: the network's weights would make it" in done.stderr
    assert sorted(p.name for p in (run / "export").iterdir()) == ["generator.onnx", "generator.safetensors"]
