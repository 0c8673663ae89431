"""The base of every architecture: a builder of two networks from typed options."""

from abc import ABC, abstractmethod
from typing import Literal

from pydantic.dataclasses import dataclass

from ganexp.fields import STRICT, Positive, Share
from ganexp.networks.discriminator import Conditioning, Discriminator
from ganexp.networks.generator import Generator

Shape = tuple[int, int, int]
"""(channels, height, width) of a picture."""


@dataclass(frozen=True, config=STRICT)
class Network(ABC):
    """The options of every architecture. A recipe can set them without knowing which architecture is chosen.

    hidden: base width.
    latent_dim: size of a latent.
    generator_norm: the normalisation of G's layers.
    discriminator_norm: the normalisation of D's layers. `auto` follows the architecture's paper, but leaves BatchNorm
        out where a regularizer needs D to judge each picture by itself.
    dropout: share of D's features that training drops.
    conditioning: how D uses labels, if there are any.
    """

    hidden: Positive
    latent_dim: Positive
    generator_norm: Literal["batch", "none"] = "none"
    discriminator_norm: Literal["auto", "batch", "none"] = "auto"
    dropout: Share = 0.0
    conditioning: Conditioning = "concat"

    @abstractmethod
    def generator(self, shape: Shape, num_classes: int) -> Generator:
        """A generator with fresh weights; `num_classes` is 0 if unconditional. ValueError if it cannot make `shape`."""

    @abstractmethod
    def discriminator(self, shape: Shape, num_classes: int, per_sample: bool) -> Discriminator:
        """A discriminator with fresh weights. `per_sample`: `discriminator_norm=auto` must mean no BatchNorm."""

    def batch_norm_in_discriminator(self, habit: bool, per_sample: bool) -> bool:
        """Whether D has BatchNorm; `habit` says whether the architecture's paper uses it."""
        return self.discriminator_norm == "batch" or (self.discriminator_norm == "auto" and habit and not per_sample)


def halvings(shape: Shape) -> int:
    """How often the sides can be halved before they are smaller than 4.

    ValueError for a picture that is not square, smaller than 16, or not 4 to 7 times a power of two.
    """
    _, height, width = shape
    count, side = 0, height
    while side % 2 == 0 and side // 2 >= 4:
        count, side = count + 1, side // 2
    if height != width or not 4 <= side < 8 or count < 2:
        raise ValueError(
            f"makes square pictures of 4, 5, 6 or 7 times a power of two, from 16 on (28, 32, 48, 64, …), not "
            f"{height}x{width}: set data.image_size, or choose network=mlp"
        )
    return count
