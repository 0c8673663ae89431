"""Checkpoints that are either whole or not there, and hold all that a run depends on."""

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO


def in_order(files: Iterable[Path]) -> list[Path]:
    """Those named `step-000100`, by their iterations: from a million on a name's text would mislead. What somebody
    kept under a name such as `step-000100-good` is left alone."""
    named = (path for path in files if re.fullmatch(r"step-\d+", path.stem))
    return sorted(named, key=lambda path: int(path.stem.removeprefix("step-")))


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, forces it to the disk, then renames."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | os.PathLike, storage_options: Any = None) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        with open(temporary, "wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)


class Checkpoints(pl.Callback):
    """`checkpoints/step-….ckpt` at every `every`-th iteration, the newest `keep` of them, and `last.ckpt`.

    `last.ckpt` is also written when training ends or is interrupted.
    """

    def __init__(self, run: Path, every: int, keep: int):
        self.folder, self.every, self.keep = run / "checkpoints", every, keep

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        kind = pl_module.device.type
        of_accelerator = {} if kind == "cpu" else {kind: torch.get_device_module(kind).get_rng_state()}
        checkpoint["rng"] = {"cpu": torch.get_rng_state(), "accelerator": of_accelerator}

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._rng = checkpoint["rng"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # As late as can be: whatever was drawn while the run was set up must not count.
        if (rng := getattr(self, "_rng", None)) is not None:
            torch.set_rng_state(rng["cpu"])
            kind = pl_module.device.type
            if kind in rng.get("accelerator", {}):
                torch.get_device_module(kind).set_rng_state(rng["accelerator"][kind])

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if not self.every or trainer.global_step % self.every:
            return
        self._save(trainer)
        if self.keep:
            link = self.folder / f"step-{trainer.global_step:06d}.ckpt"
            link.unlink(missing_ok=True)
            try:
                os.link(self.folder / "last.ckpt", link)
            except OSError:  # Some file systems have no links.
                copy = link.with_suffix(".tmp")
                shutil.copyfile(self.folder / "last.ckpt", copy)
                os.replace(copy, link)
            for old in in_order(self.folder.glob("step-*.ckpt"))[: -self.keep]:
                old.unlink()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._save(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        trainer.save_checkpoint(self.folder / "last.ckpt")
