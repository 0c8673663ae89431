"""Each logger gets the numbers, the grids, the configuration and the final metrics."""

import csv
import importlib.util
import json
import os
import sqlite3

import pytest
from PIL import Image
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, get_experiment, list_session_groups
from tensorboard.plugins.hparams.backend_context import Context

from ganexp import loggers

LOSSES = {"loss/discriminator", "loss/generator"}


def run_folder(tmp_path):
    (run,) = (tmp_path / "outputs").iterdir()
    return run


def test_tensorboard_holds_curves_grids_with_captions_the_configuration_and_charts(trained, tiny):
    events = EventAccumulator(str(trained(*tiny, "samples.every=2"))).Reload()
    tags = events.Tags()
    curves = {f"{scalar}/{side}" for scalar in ("probability", "accuracy") for side in ("real", "fake")}
    curves |= {f"gradient_norm/{network}" for network in ("discriminator", "generator")}
    assert set(tags["scalars"]) >= LOSSES | curves | {"speed/iterations_per_second"}
    assert [e.step for e in events.Scalars("loss/generator")] == [2, 4]
    assert [e.step for e in events.Tensors("samples")] == [0, 2, 4]
    assert events.SummaryMetadata("samples").summary_description.startswith("The same 80 latents")
    assert b"max_steps: 4" in events.Tensors("configuration/text_summary")[0].tensor_proto.string_val[0]
    assert "custom_scalars__config__" in tags["tensors"]


@pytest.fixture
def finished(tmp_path):
    """`finished("sweep/0", ["model.hidden=256"], fid=9)` is a run that has ended, for TensorBoard."""

    def finish(run, overrides, **metrics):
        logger = loggers.TensorBoard().open(tmp_path / run)
        logger.log_metrics({"loss/generator": 1.0}, 2)
        loggers.finish(logger, overrides, metrics, 4)
        logger.finalize("success")

    return finish


def table(folder):
    """TensorBoard's table of runs as its own reader makes it: (columns of settings, of metrics, rows by run)."""
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder)).Reload()
    context = Context(TBContext(data_provider=MultiplexerDataProvider(multiplexer, str(folder))))
    experiment = get_experiment.Handler(
        RequestContext(), context, "", api_pb2.GetExperimentRequest(include_metrics=True)
    ).run()
    statuses = [api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS, api_pb2.STATUS_RUNNING, api_pb2.STATUS_FAILURE]
    request = api_pb2.ListSessionGroupsRequest(allowed_statuses=statuses, slice_size=100, include_metrics=True)
    groups = list_session_groups.Handler(RequestContext(), context, "", request).run().session_groups
    settings = {info.name: api_pb2.DataType.Name(info.type) for info in experiment.hparam_infos}
    metrics = [(info.name.group, info.name.tag) for info in experiment.metric_infos]
    rows = {
        group.name: {key: getattr(value, value.WhichOneof("kind")) for key, value in group.hparams.items()}
        | {value.name.tag: value.value for value in group.metric_values}
        for group in groups
    }
    return settings, metrics, rows


def test_tensorboard_s_table_joins_sweeps_and_sorts_numbers_as_numbers(finished, tmp_path):
    finished("widths/0", ["model.hidden=1000"], fid=9.0, recall=0.5)
    finished("widths/1", ["model.hidden=500", "seed=1"], fid=7.0, recall=0.25)
    finished("rates/0", ["model=dcgan", "+optimizer.lr=1e-4", "model.conditional=true"], fid=5.0)

    settings, metrics, rows = table(tmp_path)

    assert settings == {
        "model": "DATA_TYPE_STRING",
        "model.conditional": "DATA_TYPE_STRING",
        "model.hidden": "DATA_TYPE_FLOAT64",
        "optimizer.lr": "DATA_TYPE_FLOAT64",
        "seed": "DATA_TYPE_FLOAT64",
    }
    assert metrics == [("", "final/fid"), ("", "final/recall")]
    assert rows == {
        "widths/0/hparams": {"model.hidden": 1000, "final/fid": 9, "final/recall": 0.5},
        "widths/1/hparams": {"model.hidden": 500, "seed": 1, "final/fid": 7, "final/recall": 0.25},
        "rates/0/hparams": {
            "model": "dcgan",
            "optimizer.lr": 1e-4,
            "model.conditional": "true",
            "final/fid": 5,
        },
    }


def test_a_run_that_goes_on_has_one_row_with_its_newest_settings(finished, tmp_path):
    finished("run", ["trainer.max_steps=4"], fid=9.0)
    finished("run", ["trainer.max_steps=8"], fid=7.0)
    _, _, rows = table(tmp_path)
    assert rows == {"run/hparams": {"trainer.max_steps": 8, "final/fid": 7}}


def test_a_setting_may_hold_bytes_that_are_not_utf_8(finished, tmp_path):
    finished("run", ["data.root=caf\udce9"], fid=9.0)
    assert table(tmp_path)[2]["run/hparams"]["data.root"] == "caf\\udce9"


def test_csv_holds_the_final_metrics_too(train, measured, tmp_path):
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
    run = run_folder(tmp_path)
    (offline,) = run.glob("wandb/offline-run-*")
    assert offline.name.endswith(json.loads((run / "run.json").read_text())["id"])
    written = next(offline.glob("*.wandb")).read_bytes()
    assert b"loss/discriminator" in written
    assert list(offline.glob("files/media/images/samples*.png"))


def test_mlflow_without_a_server(train, tiny, tmp_path):
    pytest.importorskip("mlflow")
    for typed in ((*tiny, "logger=mlflow"), ("resume=latest", "trainer.max_steps=8")):
        done = train(*typed)
        assert done.returncode == 0, done.stderr
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        assert database.execute("select count(*) from runs").fetchone() == (1,)  # The resumed run is the same run.
        assert {key for (key,) in database.execute("select key from metrics")} >= LOSSES
        assert database.execute("select max(step) from metrics").fetchone() == (8,)
        parameters = dict(database.execute("select key, value from params"))
    assert json.loads(parameters["trainer/max_steps"]) == 4


def test_the_log_takes_names_that_are_not_utf_8(train, tiny, tmp_path):
    (tmp_path / "pictures").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "pictures" / "a.png")
    (tmp_path / "pictures" / os.fsdecode(b"caf\xe9.png")).touch()
    data = ["data=image_folder", "data.root=pictures", "data.image_size=8", "data.batch_size=1"]
    done = train(*data, "model.hidden=8", "trainer.max_steps=1", "trainer.accelerator=cpu", "evaluation.every=0")
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert "caf\\xe9.png (not a picture" in (run_folder(tmp_path) / "train.log").read_text(encoding="utf-8")
