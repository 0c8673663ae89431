"""The base of all callbacks: each says how often it looks, and after which other callbacks."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from graphlib import TopologicalSorter
from typing import ClassVar, final

import pytorch_lightning as pl
import torch

from ganexp.gan import GAN


class Callback(pl.Callback):
    """Looks at a training at regular intervals.

    every: iterations between two looks. 0: never. None: after each of Lightning's training steps, which take a quarter
        of a second, or one iteration if an iteration takes longer.
    after: the callbacks whose look at the same iteration must come first.

    In a run of several processes, only process 0 has callbacks, and the others wait for the end of each look.

    Override any of `begin`, `look` and `end`. They draw from a copy of torch's random stream, so the run learns the
    same with and without the callback.
    """

    every: int | None = 0
    after: ClassVar[tuple[type["Callback"], ...]] = ()

    def begin(self, gan: GAN, step: int) -> None:
        """Called before iteration `step` + 1 of a training, which is a resumed one if `step` is not 0."""

    def look(self, gan: GAN, step: int) -> None:
        """Called after iteration `step`, if the interval says so. `gan.scalars` holds the newest training scalars."""

    def end(self, gan: GAN, step: int) -> None:
        """Called when the training ends or is interrupted, after the last look."""

    def looks_at(self, step: int, max_steps: int) -> bool:
        return self.every is None or (self.every > 0 and step % self.every == 0)

    @final
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, GAN)
        with _own_random_stream(pl_module):
            self.begin(pl_module, trainer.global_step)

    @final
    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, GAN)
        if self.looks_at(trainer.global_step, trainer.max_steps):
            with _own_random_stream(pl_module):
                self.look(pl_module, trainer.global_step)

    @final
    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, GAN)
        with _own_random_stream(pl_module):
            self.end(pl_module, trainer.global_step)


def _own_random_stream(gan: GAN) -> AbstractContextManager[None]:
    """Inside the block, whatever draws random numbers changes nothing of the run's random stream."""
    return torch.random.fork_rng(devices=[gan.device] if gan.device.type == "cuda" else [])


def arranged(callbacks: Sequence[Callback]) -> list[Callback]:
    """The same callbacks, each behind those that its `after` names; otherwise in the given order."""
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for place, callback in enumerate(callbacks):
        sorter.add(place, *(i for i, other in enumerate(callbacks) if i != place and isinstance(other, callback.after)))
    return [callbacks[place] for place in sorter.static_order()]


def pauses(callbacks: Iterable[Callback]) -> list[int]:
    """The intervals, in iterations, at which the training must stop for these callbacks."""
    return sorted({callback.every for callback in callbacks if callback.every})
