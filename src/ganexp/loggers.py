"""Lightning's loggers: `logger=tensorboard`, `csv`, `wandb`, `mlflow`, or several of them.

All of them take numbers alike. They differ in what they do with a configuration, a picture and the final metrics.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from PIL import Image
from pydantic.dataclasses import dataclass
from pytorch_lightning.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]
from tensorboard.plugins.image.metadata import create_summary_metadata
from tensorboard.util.tensor_util import make_tensor_proto
from torch.utils.tensorboard import FileWriter, SummaryWriter
from torch.utils.tensorboard.summary import hparams, scalar

from ganexp.evaluation import of_one_class
from ganexp.extras import require
from ganexp.fields import STRICT
from ganexp.run_folder.folder import RunFolder

CHARTS = {
    "training": {
        "losses of D and G": ["Multiline", ["^loss/discriminator$", "^loss/generator$"]],
        "what D says of real and generated pictures": ["Multiline", ["^probability/", "^score/"]],
        "share of pictures that D is right about": ["Multiline", ["^accuracy/"]],
        "gradient norms": ["Multiline", ["^gradient_norm/"]],
    },
    "evaluation": {"FID while training": ["Multiline", ["^training_evaluation/fid_"]]},
}
"""TensorBoard's page of custom scalars: the curves of each chart."""


class LoggerOptions(ABC):
    """The keys below `logger.<name>`."""

    @abstractmethod
    def open(self, run: Path, after: int | None = None) -> Logger:
        """The logger of the run in the folder `run`.

        after: the iteration after which the run begins or goes on; None to add to a run that is done. UserError if the
        logger's package is not installed.
        """


@dataclass(frozen=True, config=STRICT)
class TensorBoard(LoggerOptions):
    """Event files directly in the run's folder."""

    def open(self, run: Path, after: int | None = None) -> Logger:
        # A killed process may have logged iterations after its last checkpoint. The resumed run logs them again, and
        # TensorBoard drops the old ones, but only if the run's first file also says where it begins.
        begin = None if after is None else after + 1
        return _TensorBoardLogger(run, name="", version="", default_hp_metric=False, purge_step=begin)


@dataclass(frozen=True, config=STRICT)
class CSV(LoggerOptions):
    """`csv/version_0/metrics.csv` in the run's folder. Each resume begins the next version."""

    def open(self, run: Path, after: int | None = None) -> Logger:
        return CSVLogger(run, name=RunFolder(run).csv.name, flush_logs_every_n_steps=1)


@dataclass(frozen=True, config=STRICT)
class WandB(LoggerOptions):
    """Weights & Biases. `offline` writes into the run's folder, and `wandb sync` uploads it later."""

    project: str
    offline: bool

    def open(self, run: Path, after: int | None = None) -> Logger:
        require("logger=wandb", "wandb", "wandb")
        import wandb  # type: ignore[import-not-found]

        wandb.finish()  # A sweep trains one run after another in this process. Without this call, all would be one run.
        # With the run's id, a resumed run goes on as the same run of W&B.
        own = RunFolder(run).known_record().get("id")
        return WandbLogger(run.name, run, offline=self.offline, project=self.project, id=own)


@dataclass(frozen=True, config=STRICT)
class MLflow(LoggerOptions):
    """tracking_uri: a server's address, or a database such as sqlite:///mlflow.db, which needs no server."""

    experiment: str
    tracking_uri: str

    def open(self, run: Path, after: int | None = None) -> Logger:
        require("logger=mlflow", "mlflow", "mlflow")
        from mlflow import MlflowClient  # type: ignore[import-not-found]

        # MLflow chooses the ids of its runs. By this tag, a resumed run goes on as the same run of MLflow.
        tag, own = "ganexp.id", RunFolder(run).known_record().get("id")
        client = MlflowClient(self.tracking_uri)
        known = client.get_experiment_by_name(self.experiment)
        before = client.search_runs([known.experiment_id], f"tags.`{tag}` = '{own}'") if known else []
        same = before[0].info.run_id if before else None
        return MLFlowLogger(self.experiment, run.name, self.tracking_uri, {tag: own}, run_id=same)


class _TensorBoardLogger(TensorBoardLogger):
    def save(self) -> None:
        """Flush the events. Lightning's method would also write an hparams.yaml, which `.hydra` makes superfluous."""
        self.experiment.flush()


def begin(logger: Logger, configuration: Mapping[str, Any]) -> None:
    """Hand the configuration to the logger, before the first iteration."""
    if isinstance(logger, TensorBoardLogger):
        text = yaml.safe_dump(dict(configuration), sort_keys=False)
        logger.experiment.add_text("configuration", f"```yaml\n{text}```")
        logger.experiment.add_custom_scalars(CHARTS)
    elif isinstance(logger, MLFlowLogger) and logger.experiment.get_run(str(logger.run_id)).data.params:
        pass  # MLflow refuses to change a parameter: a resumed run keeps those that it began with.
    else:
        logger.log_hyperparams(dict(configuration))


def show(logger: Logger, name: str, picture: Path, step: int, caption: str) -> None:
    """Hand a PNG to a logger that shows pictures."""
    if isinstance(logger, TensorBoardLogger):
        add_picture(logger.experiment, name, picture, step, caption)
    elif isinstance(logger, WandbLogger):
        logger.log_image(name, [str(picture)], step, caption=[caption])
    elif isinstance(logger, MLFlowLogger):
        logger.experiment.log_artifact(str(logger.run_id), str(picture), name)


def add_picture(writer: SummaryWriter, name: str, png: Path, step: int, caption: str) -> None:
    """Add a PNG file and a caption for TensorBoard. SummaryWriter.add_image takes no caption."""
    with Image.open(png) as opened:
        width, height = opened.size
    tensor = make_tensor_proto([str(width).encode(), str(height).encode(), png.read_bytes()])
    metadata = create_summary_metadata(display_name="", description=caption)
    file_writer = writer._get_file_writer()
    assert file_writer is not None
    file_writer.add_summary(Summary(value=[Summary.Value(tag=name, tensor=tensor, metadata=metadata)]), step)


def finish(logger: Logger, overrides: Sequence[str], metrics: Mapping[str, float], step: int) -> None:
    """Hand the final metrics to the logger. TensorBoard also gets `overrides`, for its table of runs (HPARAMS)."""
    final = {f"final/{name}": float(value) for name, value in metrics.items() if not of_one_class(name)}
    if isinstance(logger, TensorBoardLogger):
        typed = dict(override.lstrip("+").split("=", 1) for override in overrides if "=" in override)
        _write_row(Path(logger.log_dir), {key: _value(text) for key, text in typed.items()}, final, step)
    else:
        logger.log_metrics(final, step)


def _write_row(run: Path, settings: dict[str, Any], metrics: dict[str, float], step: int) -> None:
    """Write the row of a run in TensorBoard's table of runs.

    The table has a column for each scalar beside a row's settings, so the row has a folder without training scalars.
    """
    row = RunFolder(RunFolder(run).row)
    for old in row.events():  # TensorBoard would show the settings that it finds first.
        old.unlink()
    # An experiment summary of one run would hide the columns of other sweeps. Without one, TensorBoard shows them all.
    _, start, end = hparams(settings, metrics)
    writer = FileWriter(str(row.path))
    for summary in (start, end, *(scalar(name, value) for name, value in metrics.items())):
        writer.add_summary(summary, step)
    writer.close()


def _value(text: str) -> float | str:
    """The value of an override: a number where it is one, so that TensorBoard sorts 500 before 1000."""
    try:
        return float(text)
    except ValueError:
        return text.encode(errors="backslashreplace").decode()  # A path may hold bytes that are not UTF-8.
