"""Batches without a loader: each is a function of the seed and its number."""

import torch
from torch import Tensor

from ganexp import seeds
from ganexp.data.dataset import Pictures


class Batches:
    """`batches[number]` is (images float32 [B, C, H, W] in [-1, 1], labels int64 [B] or None).

    Within an epoch no picture comes twice; what does not fill a batch is left
    out. Having no state, batches need nothing in a checkpoint: a run that goes
    on at iteration k asks for the batches that come after it.
    """

    def __init__(self, pictures: Pictures, batch_size: int, seed: int, device: torch.device, flip: bool = False):
        """The pictures stay on `device`."""
        self.per_epoch = len(pictures.images) // batch_size
        self.images = pictures.images.to(device)
        self.labels = pictures.labels.to(device) if pictures.labels is not None else None
        self.batch_size, self.seed, self.flip = batch_size, seed, flip
        self._minus_one = torch.tensor(-1.0, device=device)
        self._epoch = -1

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor | None]:
        epoch, place = divmod(number, self.per_epoch)
        if epoch != self._epoch:
            order = torch.randperm(len(self.images), generator=seeds.generator(self.seed, "epoch", epoch))
            self._order, self._epoch = order.to(self.images.device), epoch
        index = self._order[place * self.batch_size : (place + 1) * self.batch_size]
        # From uint8 to float32 and to [-1, 1] in one pass over the batch.
        images = torch.add(self._minus_one, self.images.index_select(0, index), alpha=1 / 127.5)
        if self.flip:
            mirrored = torch.rand(self.batch_size, 1, 1, 1, generator=seeds.generator(self.seed, "flip", number)) < 0.5
            images = torch.where(mirrored.to(images.device), images.flip(3), images)
        return images, self.labels[index] if self.labels is not None else None
