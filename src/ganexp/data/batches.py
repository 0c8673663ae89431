"""Training batches as a function of (seed, number), with no other state."""

import torch
from torch import Tensor, nn

from ganexp import seeds
from ganexp.data.dataset import Pictures
from ganexp.processes import collectives


class Batches(nn.Module):
    """`batches[k]` is batch k of an endless, shuffled sequence: images float [B, C, H, W] in [-1, 1], and labels int64
    [B] or None. Where several processes train a run, it is this process's part of batch k.

    Each epoch has an order of its own and leaves out the last, incomplete batch. `flip` mirrors half of the pictures.
    It is a module so that the pictures move to a device as the networks do: `batches.to(device)`.
    """

    images: Tensor
    labels: Tensor | None
    _minus_one: Tensor
    _order: Tensor
    _mirrored: Tensor

    def __init__(self, pictures: Pictures, batch_size: int, seed: int, flip: bool = False):
        super().__init__()
        self.batch_size, self.seed, self.flip = batch_size, seed, flip
        self.per_epoch = len(pictures.images) // batch_size
        self._epoch = -1
        # Not persistent: checkpoints hold no pictures.
        self.register_buffer("images", pictures.images, persistent=False)
        self.register_buffer("labels", pictures.labels, persistent=False)
        self.register_buffer("_minus_one", torch.tensor(-1.0), persistent=False)
        self.register_buffer("_order", torch.empty(0, dtype=torch.int64), persistent=False)
        self.register_buffer("_mirrored", torch.empty(0, dtype=torch.bool), persistent=False)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor | None]:
        return self.select(*self.rows(number))

    def rows(self, number: int) -> tuple[Tensor, Tensor | None]:
        """Which pictures batch `number` holds, int64 [B], and which of them are mirrored, bool [B], or None."""
        epoch, place = divmod(number, self.per_epoch)
        if epoch != self._epoch:
            self._begin(epoch)
        mirrored = collectives.part(self._mirrored[place]) if self.flip else None
        return collectives.part(self._order[place]), mirrored

    def select(self, rows: Tensor, mirrored: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The images and labels of these rows."""
        # One pass over the batch goes from uint8 to float32 and to [-1, 1].
        images = torch.add(self._minus_one, self.images.index_select(0, rows), alpha=1 / 127.5)
        if mirrored is not None:
            images = torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images)
        return images, self.labels[rows] if self.labels is not None else None

    def _begin(self, epoch: int) -> None:
        """Draw the order of an epoch and its mirrored pictures, [batches, B] each."""
        order = torch.randperm(len(self.images), generator=seeds.generator(self.seed, "epoch", epoch))
        order = order[: self.per_epoch * self.batch_size].view(self.per_epoch, self.batch_size)
        self._order = _sent(order, self.images.device)
        if self.flip:
            numbers = range(epoch * self.per_epoch, (epoch + 1) * self.per_epoch)
            drawn = [torch.rand(self.batch_size, generator=seeds.generator(self.seed, "flip", n)) for n in numbers]
            self._mirrored = _sent(torch.stack(drawn) < 0.5, self.images.device)
        self._epoch = epoch


def _sent(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device, without waiting for the device."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
