"""Networks of a few weights, and trainings of a few iterations without a configuration."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor

from ganexp.callbacks.callback import Callback, arranged, pauses
from ganexp.callbacks.checkpoints import AtomicCheckpointIO
from ganexp.callbacks.scalars import ProgressBar
from ganexp.config import Train
from ganexp.data.batches import Batches
from ganexp.data.fake import Fake
from ganexp.fit import Endless
from ganexp.gan import GAN, MakeOptimizer
from ganexp.losses import Loss, NonSaturating
from ganexp.networks.mlp import MLP
from ganexp.networks.network import Network
from ganexp.objectives import Objectives
from ganexp.optimizers import Adam
from ganexp.regularizers import Regularizer

SHAPE = (1, 16, 16)
PICTURES = Fake(batch_size=4, n=16, image_size=16, channels=1, classes=10).load()
TRAIN = Train(n_critic=1, ema_decay=0.0, augment=(), clip_norm=0.0, decay_from=1.0, decay_to=0.01)
ADAM = Adam(lr=2e-4, betas=(0.5, 0.999))


def mlp(**options: Any) -> MLP:
    widths: dict[str, Any] = {"generator_widths": (1, 2), "discriminator_widths": (2, 1)}
    return MLP(**{"hidden": 8, "latent_dim": 4} | widths | options)


def objectives(
    network: Network | None = None,
    loss: Loss | None = None,
    regularizers: Sequence[Regularizer] = (),
    conditional: bool = False,
) -> Objectives:
    """The same weights at every call."""
    torch.manual_seed(0)
    network, classes = network or mlp(), 10 if conditional else 0
    return Objectives(
        network.generator(SHAPE, classes),
        network.discriminator(SHAPE, classes, per_sample=False),
        loss or NonSaturating(),
        {str(number): regularizer for number, regularizer in enumerate(regularizers)},
    )


def batch(conditional: bool = False) -> tuple[Tensor, Tensor | None]:
    real, labels = Batches(PICTURES, 4, seed=0)[0]
    return real, labels if conditional else None


def gan(
    method: Objectives | None = None, optimizers: tuple[MakeOptimizer, MakeOptimizer] = (ADAM, ADAM), **train: Any
) -> GAN:
    """train: keys of the section `train` that differ from `TRAIN`."""
    options = Train(**{**vars(TRAIN), **train})
    return GAN(method or objectives(), optimizers, Batches(PICTURES, 4, seed=0), options)


def fit(
    gan: GAN, steps: int, *callbacks: pl.Callback, checkpoint: Path | None = None, logger: Logger | None = None
) -> GAN:
    """Train `gan` to iteration `steps`; the same random numbers at every call."""
    looking = arranged([callback for callback in callbacks if isinstance(callback, Callback)])
    others = [callback for callback in callbacks if not isinstance(callback, Callback)]
    gan.pauses = pauses(looking)
    trainer = pl.Trainer(
        max_steps=steps,
        max_epochs=-1,
        accelerator="cpu",
        logger=logger or False,
        callbacks=[*looking, *others],
        plugins=[AtomicCheckpointIO()],
        enable_checkpointing=False,
        enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in others),
        enable_model_summary=False,
    )
    torch.manual_seed(1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated.*")
        trainer.fit(gan, Endless(), ckpt_path=checkpoint, weights_only=True)
    return gan


class Looks(Callback):
    """Keeps what `see(gan, step)` returns at each look."""

    def __init__(self, see, every: int | None = 1):
        self.see, self.every = see, every
        self.seen: list[Any] = []

    def look(self, gan: GAN, step: int) -> None:
        self.seen.append(self.see(gan, step))


def weights(module: torch.nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in module.parameters()]


def same(before: Sequence[Tensor], after: Sequence[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
