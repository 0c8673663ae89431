"""Pictures of the same latents over the whole run."""

from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import Tensor

from ganexp import loggers, pictures
from ganexp.callbacks.checkpoints import in_order
from ganexp.gan import GAN

COLUMNS, ROWS = 10, 8


class SampleGrid(pl.Callback):
    """Writes `samples/step-000000.png` … and, at the end, `samples/progress.gif`.

    80 latents are drawn once, from a generator of their own; of a conditional
    model each column shows one class.
    """

    def __init__(self, run: Path, every: int, seed: int, latent_dim: int, classes: tuple[str, ...]):
        self.folder, self.every = run / "samples", every
        generator = torch.Generator().manual_seed(seed)
        self.latent = torch.randn(COLUMNS * ROWS, latent_dim, generator=generator)
        self.labels = (torch.arange(COLUMNS * ROWS) % COLUMNS % len(classes)) if classes else None
        self.names = [classes[label] for label in self.labels] if self.labels is not None else None

    def state_dict(self) -> dict[str, Tensor]:
        return {"latent": self.latent}

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        self.latent = state_dict["latent"]

    def path(self, step: int) -> Path:
        return self.folder / f"step-{step:06d}.png"

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.global_step == 0 and self.every:
            self.draw(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if self.every and trainer.global_step % self.every == 0:
            self.draw(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not self.path(trainer.global_step).exists():
            self.draw(trainer, pl_module)
        frames = in_order(self.folder.glob("step-*.png"))
        captions = [f"iteration {int(frame.stem.removeprefix('step-')):,}" for frame in frames]
        pictures.animate(frames, captions, self.folder / "progress.gif")

    def draw(self, trainer: pl.Trainer, gan: pl.LightningModule) -> None:
        assert isinstance(gan, GAN)
        labels = self.labels.to(gan.device) if self.labels is not None else None
        sheet = pictures.grid(gan.pictures(self.latent.to(gan.device), labels), COLUMNS, self.names)
        self.folder.mkdir(exist_ok=True)
        path = self.path(trainer.global_step)
        sheet.save(path, compress_level=4)  # Twice as fast as Pillow's default, and a tenth larger at most.
        classes = "" if labels is None else ", a class a column"
        caption = f"The same {COLUMNS * ROWS} latents all through the training{classes}"
        for logger in trainer.loggers:
            loggers.show(logger, "samples", path, trainer.global_step, caption)
