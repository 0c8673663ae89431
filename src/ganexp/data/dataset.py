"""What every source of pictures gives."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass as plain_dataclass
from typing import Literal

from pydantic.dataclasses import dataclass
from torch import Tensor

from ganexp.config import STRICT, Positive

Split = Literal["train", "test"]


@plain_dataclass(frozen=True)
class Pictures:
    """images: uint8 [N, C, H, W]. labels: int64 [N] that index `classes`, or None."""

    images: Tensor
    labels: Tensor | None
    classes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)"""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def sha256(self) -> str:
        """Of the images' bytes and then the labels': the same pictures give the same hash on any machine."""
        digest = hashlib.sha256(self.images.contiguous().numpy().data)
        if self.labels is not None:
            digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()


@dataclass(frozen=True, config=STRICT)
class Dataset(ABC):
    """batch_size: pictures an update. flip: mirror half of them (never digits).

    evaluator: what measures generated pictures: one that comes with ganexp, by name, or a `.pt` file; or nothing.
    """

    batch_size: Positive
    flip: bool = False
    evaluator: str | None = None

    @abstractmethod
    def load(self, split: Split = "train") -> Pictures:
        """Those to train on, or those held out to measure with: where none are, the same as for `train`."""
