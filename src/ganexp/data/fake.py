"""Made-up pictures, for tests: noise, the same at every call."""

import torch
from pydantic.dataclasses import dataclass

from ganexp.config import STRICT, NonNegative, Positive
from ganexp.data.dataset import Dataset, Pictures, Split


@dataclass(frozen=True, config=STRICT)
class Fake(Dataset):
    """`n` pictures of uniform noise; `classes` 0 gives no labels."""

    n: Positive = 512
    image_size: Positive = 32
    channels: Positive = 3
    classes: NonNegative = 10

    def load(self, split: Split = "train") -> Pictures:
        generator = torch.Generator().manual_seed(0 if split == "train" else 1)
        size = (self.n, self.channels, self.image_size, self.image_size)
        images = torch.randint(256, size, dtype=torch.uint8, generator=generator)
        labels = torch.randint(self.classes, (self.n,), generator=generator) if self.classes else None
        return Pictures(images, labels, tuple(str(c) for c in range(self.classes)))
