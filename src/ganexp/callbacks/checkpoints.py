"""Checkpoints while a run trains: each file is whole, and holds all that the run depends on."""

import contextlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins import TorchCheckpointIO

from ganexp.callbacks.callback import Callback
from ganexp.callbacks.collapse import CollapseAlarm
from ganexp.callbacks.evaluation import TrainingEvaluation
from ganexp.callbacks.finite import stop_if_not_finite
from ganexp.callbacks.speed import Speed
from ganexp.errors import UserError
from ganexp.files import tensor_files
from ganexp.files.whole import whole
from ganexp.gan import GAN
from ganexp.run_folder.folder import RunFolder, step_of


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's writer of checkpoints. Here a new checkpoint replaces the old one in a single step."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | os.PathLike, storage_options: Any = None) -> None:
        tensor_files.write(checkpoint, Path(path))


class Checkpoints(Callback):
    """`checkpoints/last.ckpt` at every `every`-th iteration and at the end, and the newest `keep` of them also as
    `step-….ckpt`. If `keep` is not 0, those of the iterations `kept` also stay."""

    # The checkpoint holds the states of the other callbacks, and the alarm stops a run before NaN is saved. The speed
    # of the training does not count the last save.
    after = (TrainingEvaluation, CollapseAlarm, Speed)

    def __init__(
        self, folder: RunFolder, every: int, keep: int, run: str | None = None, kept: Collection[int] = frozenset()
    ):
        """run: the run's id, which tells its checkpoints from those of other runs. kept: may grow during the run."""
        self.folder, self.every, self.keep, self.run, self.kept = folder, every, keep, run, kept
        self._last = -1

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if self.run is not None:
            checkpoint["run"] = self.run

    def look(self, gan: GAN, step: int) -> None:
        self._save(gan, step)
        if self.keep:
            with whole(self.folder.checkpoint(step)) as temporary:
                try:
                    os.link(self.folder.last, temporary)
                except OSError:  # Some file systems have no links.
                    shutil.copyfile(self.folder.last, temporary)
            in_turn = [path for path in self.folder.numbered_checkpoints() if step_of(path) not in self.kept]
            for old in in_turn[: -self.keep]:
                old.unlink()

    def end(self, gan: GAN, step: int) -> None:
        if step != self._last:
            self._save(gan, step)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        # A grid or an evaluation could not be written. The iterations until now are saved all the same.
        if isinstance(exception, OSError) and isinstance(pl_module, GAN) and trainer.global_step > max(self._last, 0):
            with contextlib.suppress(OSError, UserError):
                self._save(pl_module, trainer.global_step)

    def _save(self, gan: GAN, step: int) -> None:
        self.folder.check_still_there()
        stop_if_not_finite(gan, step, self.folder)  # The scalars are older than the last update.
        gan.trainer.save_checkpoint(self.folder.last)
        self.folder.start.unlink(missing_ok=True)
        self._last = step
