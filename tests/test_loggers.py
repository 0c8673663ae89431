import csv
import importlib.util
import json
import sqlite3

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

LOSSES = {"loss/discriminator", "loss/generator"}


def run_folder(tmp_path):
    (run,) = (tmp_path / "outputs").iterdir()
    return run


def test_tensorboard_holds_curves_captioned_grids_the_configuration_and_charts_of_what_belongs_together(trained, tiny):
    events = EventAccumulator(str(trained(*tiny))).Reload()
    tags = events.Tags()
    curves = {f"{figure}/{side}" for figure in ("probability", "accuracy") for side in ("real", "fake")}
    curves |= {f"gradient_norm/{network}" for network in ("discriminator", "generator")}
    assert set(tags["scalars"]) >= LOSSES | curves | {"speed/iterations_per_second"}
    assert [e.step for e in events.Scalars("loss/generator")] == [2, 4]
    assert [e.step for e in events.Tensors("samples")] == [0, 2, 4]
    assert events.SummaryMetadata("samples").summary_description.startswith("The same 80 latents")
    assert b"max_steps: 4" in events.Tensors("configuration/text_summary")[0].tensor_proto.string_val[0]
    assert "custom_scalars__config__" in tags["tensors"]


def test_csv_holds_the_final_figures_too(train, measured, tmp_path):
    assert train(*measured, "logger=csv").returncode == 0
    with open(run_folder(tmp_path) / "csv" / "version_0" / "metrics.csv") as file:
        assert float([*csv.DictReader(file)][-1]["final/fid_fake_cnn"]) > 0


def test_several_at_once(train, tiny, tmp_path):
    assert train(*tiny, "logger=[tensorboard,csv]").returncode == 0
    run = run_folder(tmp_path)
    assert list(run.glob("events.out.tfevents.*"))
    with open(run / "csv" / "version_0" / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) >= LOSSES
    assert [row["step"] for row in rows] == ["2", "4"]


def test_none_at_all(train, tiny, tmp_path):
    assert train(*tiny, "logger=[]").returncode == 0
    assert not list(run_folder(tmp_path).glob("events.out.tfevents.*"))


def test_a_resumed_run_loses_no_line_of_csv(train, tiny, tmp_path):
    assert train(*tiny, "logger=csv").returncode == 0
    run = run_folder(tmp_path)
    assert train(f"resume={run.relative_to(tmp_path)}", "trainer.max_steps=6").returncode == 0
    steps = [
        row["step"]
        for path in sorted(run.glob("csv/*/metrics.csv"))
        for row in csv.DictReader(path.read_text().split())
    ]
    assert steps == ["2", "4", "6"]


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
@pytest.mark.parametrize("folder", [False, True], ids=["nothing", "a folder"])
def test_a_logger_whose_package_is_missing_says_what_to_install(train, tiny, tmp_path, monkeypatch, name, folder):
    """A folder of the package's name, which earlier runs leave, is not the package."""
    if importlib.util.find_spec(name):
        pytest.skip(f"{name} is installed")
    if folder:
        (tmp_path / name).mkdir()
        monkeypatch.syspath_prepend(tmp_path)
        assert importlib.util.find_spec(name)
    assert train(*tiny, f"logger={name}").stderr.strip() == (
        f'logger={name} needs {name}: type pip install "ganexp[{name}]"'
    )


def test_wandb_offline(train, tiny, tmp_path):
    wandb = pytest.importorskip("wandb")
    done = train(*tiny, "logger=wandb", "logger.wandb.offline=true")
    assert done.returncode == 0, done.stderr
    wandb.finish()
    (offline,) = run_folder(tmp_path).glob("wandb/offline-run-*")
    written = next(offline.glob("*.wandb")).read_bytes()
    assert b"loss/discriminator" in written
    assert list(offline.glob("files/media/images/samples*.png"))


def test_mlflow_without_a_server(train, tiny, tmp_path):
    pytest.importorskip("mlflow")
    done = train(*tiny, "logger=mlflow")
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        assert {key for (key,) in database.execute("select key from metrics")} >= LOSSES
        parameters = dict(database.execute("select key, value from params"))
    assert json.loads(parameters["trainer/max_steps"]) == 4
