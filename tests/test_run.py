"""A past run, opened from its folder."""

import base64
import inspect
import io
import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from conftest import last
from omegaconf import OmegaConf
from PIL import Image

from ganexp import evaluate
from ganexp.config import CONF
from ganexp.console.arguments import Arguments
from ganexp.errors import UserError
from ganexp.page.comparison import number
from ganexp.run import Run


@pytest.fixture
def run(trained, tiny, tmp_path, monkeypatch) -> Path:
    """A finished run with labels, to be changed; `run` names it."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(trained(*tiny, "model.conditional=true"), tmp_path / "run")


def refused(words: str) -> None:
    with pytest.raises(UserError, match=words) as refusal:
        Run.open("run")
    assert len(str(refusal.value).splitlines()) == 1


def test_an_opened_run_knows_its_pictures_its_classes_and_its_networks(run):
    opened = Run.open("run")
    assert opened.shape == (1, 28, 28) and opened.classes == tuple("0123456789")
    assert opened.generator.num_classes == 10 and opened.generator.latent_dim == 100
    assert not opened.generator.training and not any(p.requires_grad for p in opened.generator.parameters())
    assert opened.iteration(opened.checkpoint()) == 4
    assert opened.record["status"] == "finished"


def test_a_run_that_is_not_conditional_has_no_classes_to_ask_for(trained, tiny):
    opened = Run.open(trained(*tiny))
    assert opened.classes == () and opened.generator.num_classes == 0


def test_weights_are_the_averaged_or_the_raw_ones(run):
    opened, state = Run.open("run"), last(run)["state_dict"]
    for weights, prefix in (("ema", "ema."), ("raw", "generator.")):
        network = opened.network(opened.checkpoint("last"), weights)
        assert all(torch.equal(value, state[prefix + key]) for key, value in network.state_dict().items())


def test_a_checkpoint_is_found_by_its_name_or_its_path_and_is_the_best_if_there_is_one(run, tmp_path):
    opened, folder = Run.open("run"), Path("run/checkpoints")
    assert opened.checkpoint() == opened.checkpoint("last") == folder / "last.ckpt"
    assert opened.checkpoint("step-000004") == opened.checkpoint("checkpoints/step-000004.ckpt")
    assert opened.checkpoint(str(tmp_path / folder / "last.ckpt")) == tmp_path / folder / "last.ckpt"
    shutil.copy(folder / "last.ckpt", folder / "best.ckpt")
    assert Run.open("run").checkpoint() == folder / "best.ckpt"
    with pytest.raises(UserError, match="checkpoint=frist: not in run; the run has: best, last, step-000004"):
        opened.checkpoint("frist")


def test_a_checkpoint_of_other_networks_is_refused(run, trained, tiny):
    other = trained(*tiny, "model.conditional=true", "model.latent_dim=4") / "checkpoints" / "last.ckpt"
    opened = Run.open("run")
    with pytest.raises(UserError, match="its networks are not those of run; name a checkpoint of this run"):
        opened.network(other, "ema")


def test_averaged_weights_of_a_run_without_an_average_are_refused(trained, tiny):
    opened = Run.open(trained(*tiny, "train.ema_decay=0"))
    assert opened.generator is not None, "the raw ones are taken by themselves"
    with pytest.raises(UserError, match="weights=raw"):
        opened.network(opened.checkpoint(), "ema")


def test_a_folder_that_is_no_run_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused("run=run: not a run's folder; name one, such as outputs/")
    (tmp_path / "run").mkdir()
    refused("run=run: not a run's folder")


@pytest.mark.parametrize("name", ["run.json", ".hydra/config.yaml"])
@pytest.mark.parametrize("content", ["", "{", "[1]", "word", "\0", "half"])
def test_damaged_files_are_told_of_in_a_sentence(run, name, content):
    path = run / name
    before = path.read_text()
    path.write_text(before[: len(before) // 2] if content == "half" else content)
    refused("damaged|empty|no checkpoint")


def test_a_run_that_has_no_checkpoint_is_refused_with_its_status(run):
    record = json.loads((run / "run.json").read_text())
    shutil.rmtree(run / "checkpoints")
    refused("run=run: it has no checkpoint, its status is 'finished'; name another run")
    del record["data"]
    (run / "run.json").write_text(json.dumps(record | {"status": "running"}))
    refused("its status is 'killed'")


def test_a_run_that_was_killed_is_opened(run):
    record = json.loads((run / "run.json").read_text()) | {"status": "running"}
    (run / "run.json").write_text(json.dumps(record))
    assert Run.open("run").record["status"] == "killed"


def test_a_run_that_is_older_than_a_key_is_opened(run):
    config = OmegaConf.load(run / ".hydra" / "config.yaml")
    for younger in ("callback", "resume"):
        del config[younger]
    OmegaConf.save(config, run / ".hydra" / "config.yaml")
    assert Run.open("run").sample(3).shape == (3, 1, 28, 28)


@pytest.fixture
def elsewhere(run, tmp_path) -> Path:
    """A folder beside a run that was started with relative paths: the evaluator is there, and the pictures are gone."""
    config = OmegaConf.load(run / ".hydra" / "config.yaml")
    config.data.evaluator, config.data.root = "own.pt", "gone"
    OmegaConf.save(config, run / ".hydra" / "config.yaml")
    hydra = OmegaConf.load(run / ".hydra" / "hydra.yaml")
    hydra.hydra.runtime.cwd = str(tmp_path)
    OmegaConf.save(hydra, run / ".hydra" / "hydra.yaml")
    (tmp_path / "own.pt").touch()
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


def test_paths_that_were_relative_to_the_start_are_found_from_elsewhere(elsewhere, tmp_path, monkeypatch):
    assert Run.open("run").config.data["evaluator"] == "own.pt"
    monkeypatch.chdir(elsewhere)
    data = Run.open("../run").config.data
    assert data["evaluator"] == str(tmp_path / "own.pt") and data["root"] == "gone"


@pytest.mark.parametrize("content", ["{", "[1]", "a: 1"])
def test_with_a_key_of_the_data_a_damaged_configuration_is_told_of_too(run, type_, content):
    (run / ".hydra" / "config.yaml").write_text(content)
    done = type_("evaluate", "run=run", "data.n=3")
    assert done.returncode == 2 and "config.yaml is damaged; name another run's folder" in done.stderr


def test_with_a_key_of_the_data_references_in_the_configuration_are_resolved(run, monkeypatch):
    monkeypatch.setenv("PICTURES", "/pictures")
    config = OmegaConf.load(run / ".hydra" / "config.yaml")
    config.data.root, config.data.image_size = "${oc.env:PICTURES}/faces", "${model.latent_dim}"
    OmegaConf.save(config, run / ".hydra" / "config.yaml")
    read = evaluate.expand(Arguments.read(["run=run", "data.n=3"]))
    assert (read.value("++data.root"), read.value("++data.image_size")) == (None, None)
    assert (read.value("data.root"), read.value("data.image_size")) == ("/pictures/faces", config.model.latent_dim)


def test_with_a_key_of_the_data_relative_paths_are_found_from_elsewhere_too(elsewhere, tmp_path, monkeypatch):
    monkeypatch.chdir(elsewhere)
    read = evaluate.expand(Arguments.read(["run=../run", "data.n=3"]))
    assert read.value("data.evaluator") == str(tmp_path / "own.pt") and read.value("data.n") == 3


def test_pictures_do_not_depend_on_the_default_precision(run):
    expected = Run.open("run").sample(4)
    torch.set_default_dtype(torch.float64)
    try:
        found = Run.open("run").sample(4)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("asked", [{"n": 0}, {"n": -1}, {"n": 1, "seed": -1}, {"n": 1, "seed": 2**32}])
def test_a_number_of_pictures_or_a_seed_that_cannot_be_is_refused(run, asked):
    with pytest.raises(UserError, match="n is 1 or more, and seed is from 0 to"):
        Run.open("run").sample(**asked)


def test_a_run_says_in_one_line_where_it_is_and_how_it_went(trained, measured, run):
    assert repr(Run.open("run")) == "<Run run: finished, 4 iterations>"
    opened = Run.open(trained(*measured))
    fid = opened.metrics["samples"]["fid_fake_cnn"]
    assert repr(opened) == f"<Run {opened.path}: finished, 4 iterations, FID {fid:.2f}>"


def test_a_notebook_shows_the_newest_grid_the_losses_and_the_metrics_beside_those_of_real_pictures(trained, measured):
    opened = Run.open(trained(*measured))
    shown = opened._repr_html_()
    (uri,) = re.findall(r'src="data:image/webp;base64,([^"]+)"', shown)
    with Image.open(opened.folder.grid(4)) as grid, Image.open(io.BytesIO(base64.b64decode(uri))) as picture:
        assert abs(picture.width / picture.height - grid.width / grid.height) < 0.01
    assert 'alt="samples of iteration 4"' in shown and shown.count("<polyline") == 2
    assert "<th>samples</th><th>real pictures</th><th>noise</th>" in shown
    (cells,) = re.findall(r"<td>recall ↑</td>(.*?)</tr>", shown)
    numbers = [number(opened.metrics[column]["recall"]) for column in ("samples", "real")]
    assert re.findall(r"<td>(.*?)</td>", cells)[:2] == numbers
    assert opened.evaluation._repr_html_() in shown
    assert len(shown) < 300_000


def test_a_run_without_pictures_curves_and_metrics_is_shown_too(train, tiny, tmp_path):
    train(*tiny, "samples.every=0", "logger=[]", "hydra.run.dir=<b>")
    for grid in (tmp_path / "<b>" / "samples").iterdir():
        grid.unlink()
    opened = Run.open("<b>")
    assert (opened.losses, opened.metrics, opened.evaluation) == ([], {}, None)
    shown = opened._repr_html_()
    assert "<b>" not in shown and "no final metrics" in shown and "<img" not in shown and "<svg" not in shown


def test_metrics_are_the_columns_of_a_table(trained, measured):
    metrics = Run.open(trained(*measured)).metrics
    assert list(metrics) == ["samples", "real", "noise"]
    assert metrics["samples"].keys() >= metrics["real"].keys() > {"recall", "fid_fake_cnn"}
    assert all(isinstance(value, float) for column in metrics.values() for value in column.values())


def test_metrics_of_a_run_that_went_on_and_was_not_measured_again_are_gone(trained, measured, tmp_path):
    folder = shutil.copytree(trained(*measured), tmp_path / "run")
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"iterations": 8}))
    assert Run.open(folder).metrics == {}


@pytest.mark.parametrize("logger", ["tensorboard", "csv"])
@pytest.mark.parametrize("options", ["tiny", "measured"])
def test_losses_are_the_rows_of_a_table(trained, request, logger, options):
    losses = Run.open(trained(*request.getfixturevalue(options), f"logger=[{logger}]")).losses
    assert [row["iteration"] for row in losses] == [2, 4]
    for row in losses:
        assert row.keys() > {"seconds", "loss/discriminator", "loss/generator", "gradient_norm/generator"}
        assert not any(name.startswith("fid") for name in row)


def test_pandas_reads_both(trained, measured):
    pandas = pytest.importorskip("pandas")
    run = Run.open(trained(*measured))
    assert pandas.DataFrame(run.metrics).loc["recall", "real"] == run.metrics["real"]["recall"]
    assert list(pandas.DataFrame(run.losses)["iteration"]) == [2, 4]


def test_samples_are_shown_with_their_classes(run):
    samples = Run.open("run").sample(20)
    assert samples.class_names == [*"0123456789"] * 2
    rows = Run.open("run").sample(20, label="all")
    assert rows.columns == 2 and rows.class_names[:4] == ["0", "0", "1", "1"]


def test_a_run_is_measured_as_by_the_command(trained, measured, tmp_path, monkeypatch, type_):
    shutil.copytree(trained(*measured), tmp_path / "run")
    opened = Run.open("run")
    evaluation = opened.evaluate(n=120)
    done = type_("evaluate", "run=run", "n=120", "out=out.json", "device=cpu")
    assert done.returncode == 0, done.stderr
    assert evaluation.metrics == json.loads((tmp_path / "out.json").read_text())["figures"]
    assert opened.record["evaluation"]["seconds"] == evaluation.seconds, "the run knows its newest evaluation"
    with pytest.raises(UserError, match="n=5: must be at least 100"):
        opened.evaluate(n=5)
    with pytest.raises(UserError, match="weights=best: must be ema or raw"):
        opened.evaluate(weights="best")


@pytest.mark.parametrize("command", ["evaluate", "export"])
def test_arguments_that_are_left_out_are_those_of_the_command(command):
    usual = OmegaConf.load(CONF / f"{command}.yaml")
    for name, argument in inspect.signature(getattr(Run, command)).parameters.items():
        if name not in ("self", "weights"):
            assert argument.default == usual[name]


@pytest.mark.slow
def test_a_generator_is_exported_as_by_the_command(run):
    pytest.importorskip("onnx")
    there = Run.open("run").export("there")
    assert sorted(path.name for path in there.iterdir()) == ["explorer.html", "generator.onnx", "generator.safetensors"]
    assert Run.open("run").export() == Path("run", "export")
