"""What every architecture has in common: a builder of two networks from typed options."""

from abc import ABC, abstractmethod
from typing import Literal

from pydantic.dataclasses import dataclass
from torch import nn

from ganexp.config import STRICT, Positive, Share
from ganexp.networks.discriminator import Conditioning, Discriminator

Shape = tuple[int, int, int]
"""(channels, height, width) of an image."""


@dataclass(frozen=True, config=STRICT)
class Network(ABC):
    """Options that each architecture has, so that a recipe can set them whichever is chosen.

    hidden: base width.
    latent_dim: size of G's input.
    generator_norm: of G's layers.
    discriminator_norm: `auto` is the architecture's own habit unless a
        regularizer needs D to judge each picture by itself: then none.
    dropout: share of D's features that is dropped while training.
    conditioning: how D uses labels, if there are any.
    """

    hidden: Positive
    latent_dim: Positive
    generator_norm: Literal["batch", "none"] = "none"
    discriminator_norm: Literal["auto", "batch", "none"] = "auto"
    dropout: Share = 0.0
    conditioning: Conditioning = "concat"

    @abstractmethod
    def generator(self, shape: Shape, classes: int) -> nn.Module:
        """A module of (latent, labels); `classes` is 0 if unconditional. ValueError if `shape` cannot be made."""

    @abstractmethod
    def discriminator(self, shape: Shape, classes: int, per_sample: bool) -> Discriminator:
        """`per_sample`: no layer may mix the pictures of a batch, if the choice is ours (`auto`)."""

    def batch_norm_in_discriminator(self, habit: bool, per_sample: bool) -> bool:
        return self.discriminator_norm == "batch" or (self.discriminator_norm == "auto" and habit and not per_sample)


def halvings(shape: Shape) -> int:
    """How often both sides can be halved before they fall under 4.

    ValueError for a picture that is not square, smaller than 16, or not 4 to 7 times a power of two.
    """
    _, height, width = shape
    count, side = 0, height
    while side % 2 == 0 and side // 2 >= 4:
        count, side = count + 1, side // 2
    if height != width or not 4 <= side < 8 or count < 2:
        raise ValueError(
            f"makes square pictures of 4, 5, 6 or 7 times a power of two, from 16 on (28, 32, 48, 64, …), not "
            f"{height}x{width}: "
            "set data.image_size, or choose network=mlp"
        )
    return count
