"""Lightning's TensorBoard logger, with its files directly in the run's folder."""

from pathlib import Path

from pytorch_lightning.loggers import TensorBoardLogger


class TensorBoard(TensorBoardLogger):
    def __init__(self, run: Path):
        super().__init__(run, name="", version="", default_hp_metric=False)

    def save(self) -> None:
        """Flushes the events; Lightning's would add an hparams.yaml, and `.hydra` holds the configuration."""
        self.experiment.flush()
