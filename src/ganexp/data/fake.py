"""Noise in the place of pictures, for tests; every call gives the same noise."""

from typing import Annotated, Any

import torch
from pydantic import BeforeValidator
from pydantic.dataclasses import dataclass

from ganexp.data.dataset import ClassName, Dataset, Pictures, Split
from ganexp.fields import STRICT, NonNegative, Positive


def _names(classes: Any) -> Any:
    """A number of classes as a list of names."""
    if not isinstance(classes, int):
        return classes
    if classes < 0:
        raise ValueError("should be a number of classes, 0 or more, or a list of names")
    return tuple(map(str, range(classes)))


Classes = NonNegative | tuple[ClassName, ...] | None


@dataclass(frozen=True, config=STRICT)
class Fake(Dataset):
    """`n` pictures of uniform noise.

    classes: how many classes to make up, or their names. 0 gives no labels.
    """

    n: Positive = 512
    image_size: Positive = 32
    channels: Positive = 3
    classes: Annotated[tuple[ClassName, ...] | None, BeforeValidator(_names, json_schema_input_type=Classes)] = _names(
        10
    )

    def read(self, split: Split) -> Pictures:
        generator = torch.Generator().manual_seed(0 if split == "train" else 1)
        size = (self.n, self.channels, self.image_size, self.image_size)
        images = torch.randint(256, size, dtype=torch.uint8, generator=generator)
        classes = self.classes or ()
        labels = torch.randint(len(classes), (self.n,), generator=generator) if classes else None
        return Pictures(images, labels, classes)
