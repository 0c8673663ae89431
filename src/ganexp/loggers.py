"""Where a run's figures go, by Lightning's own classes: `logger=tensorboard`, `csv`, `wandb`, `mlflow`, or several.

Numbers they all take alike. What each does with a configuration, a picture and the final figures stands below.
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
from torch.utils.tensorboard import SummaryWriter

from ganexp.config import STRICT
from ganexp.extras import require

CHARTS = {
    "training": {
        "losses of D and G": ["Multiline", ["^loss/discriminator$", "^loss/generator$"]],
        "what D says of real and generated pictures": ["Multiline", ["^probability/"]],
        "share of pictures that D is right about": ["Multiline", ["^accuracy/"]],
        "gradient norms": ["Multiline", ["^gradient_norm/"]],
    },
    "evaluation": {"FID while training": ["Multiline", ["^training_evaluation/fid_"]]},
}
"""TensorBoard's page of custom scalars: what belongs together in one chart."""


class LoggerOptions(ABC):
    """What `logger.<name>` configures."""

    @abstractmethod
    def open(self, run: Path) -> Logger:
        """The logger of the run in that folder; UserError if its package is not installed."""


@dataclass(frozen=True, config=STRICT)
class TensorBoard(LoggerOptions):
    """Event files directly in the run's folder."""

    def open(self, run: Path) -> Logger:
        return _TensorBoardLogger(run, name="", version="", default_hp_metric=False)


@dataclass(frozen=True, config=STRICT)
class CSV(LoggerOptions):
    """`csv/version_0/metrics.csv` in the run's folder; after a resume the next version."""

    def open(self, run: Path) -> Logger:
        return CSVLogger(run, name="csv", flush_logs_every_n_steps=1)


@dataclass(frozen=True, config=STRICT)
class WandB(LoggerOptions):
    """Weights & Biases. offline: into the run's folder, for `wandb sync` later."""

    project: str
    offline: bool

    def open(self, run: Path) -> Logger:
        require("logger=wandb", "wandb", "wandb")
        import wandb  # type: ignore[import-not-found]

        wandb.finish()  # The job before this one in a sweep was in this process, and would get the figures of this one.
        return WandbLogger(run.name, run, offline=self.offline, project=self.project)


@dataclass(frozen=True, config=STRICT)
class MLflow(LoggerOptions):
    """tracking_uri: a server, or a database such as sqlite:///mlflow.db, which needs none."""

    experiment: str
    tracking_uri: str

    def open(self, run: Path) -> Logger:
        require("logger=mlflow", "mlflow", "mlflow")
        return MLFlowLogger(self.experiment, run.name, self.tracking_uri)


class _TensorBoardLogger(TensorBoardLogger):
    def save(self) -> None:
        """Flushes the events; Lightning's would add an hparams.yaml, and `.hydra` holds the configuration."""
        self.experiment.flush()


def begin(logger: Logger, configuration: Mapping[str, Any]) -> None:
    """Tell the logger what is about to be trained."""
    if isinstance(logger, TensorBoardLogger):
        text = yaml.safe_dump(dict(configuration), sort_keys=False)
        logger.experiment.add_text("configuration", f"```yaml\n{text}```")
        logger.experiment.add_custom_scalars(CHARTS)
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
    """A PNG for TensorBoard with words beside it, which SummaryWriter.add_image has no place for."""
    with Image.open(png) as opened:
        width, height = opened.size
    tensor = make_tensor_proto([str(width).encode(), str(height).encode(), png.read_bytes()])
    about = create_summary_metadata(display_name="", description=caption)
    file_writer = writer._get_file_writer()
    assert file_writer is not None
    file_writer.add_summary(Summary(value=[Summary.Value(tag=name, tensor=tensor, metadata=about)]), step)


def finish(logger: Logger, overrides: Sequence[str], figures: Mapping[str, float], step: int) -> None:
    """The last figures. TensorBoard's table of runs shows them beside what was typed: what all have in common hides."""
    final = {f"final/{name}": value for name, value in figures.items() if "/" not in name}
    if isinstance(logger, TensorBoardLogger):
        typed = dict(override.lstrip("+").split("=", 1) for override in overrides if "=" in override)
        logger.log_hyperparams(typed, final)
    else:
        logger.log_metrics(final, step)
