"""Fully connected networks, the tutorial's; optionally with one convolution at G's end."""

import math
from itertools import pairwise
from typing import Annotated

from annotated_types import Gt, MinLen
from pydantic.dataclasses import dataclass
from torch import nn

from ganexp.config import STRICT, NonNegative
from ganexp.networks.discriminator import Discriminator, input_channels
from ganexp.networks.dropout import Dropout
from ganexp.networks.generator import Generator, input_features
from ganexp.networks.network import Network, Shape

Widths = Annotated[tuple[Annotated[float, Gt(0)], ...], MinLen(1)]


@dataclass(frozen=True, config=STRICT)
class MLP(Network):
    """Linear layers with LeakyReLU(0.2) and, in D, dropout after each.

    generator_widths, discriminator_widths: layers' widths in multiples of `hidden`.
    maps: if not 0, G's last linear layer makes that many maps of half the picture's
        side, and a transposed convolution (4x4, stride 2) the picture. It removes the
        isolated bright pixels of a pure MLP.
    """

    generator_widths: Widths = (1, 2, 4)
    discriminator_widths: Widths = (2, 1)
    maps: NonNegative = 0

    def generator(self, shape: Shape, classes: int) -> nn.Module:
        channels, height, width = shape
        widths = [input_features(self.latent_dim, classes), *(round(w * self.hidden) for w in self.generator_widths)]
        if self.maps:
            if height % 2 or width % 2:
                raise ValueError(
                    f"with network.maps={self.maps} makes pictures of even sides, not {height}x{width}: "
                    "set data.image_size, or network.maps=0"
                )
            half = (self.maps, height // 2, width // 2)
            widths.append(math.prod(half))
            last = [nn.Unflatten(1, half), nn.ConvTranspose2d(self.maps, channels, 4, 2, 1)]
        else:
            last = [nn.Linear(widths[-1], math.prod(shape)), nn.Unflatten(1, shape)]
        norm = self.generator_norm == "batch"
        layers: list[nn.Module] = []
        for narrow, wide in pairwise(widths):
            layers += [nn.Linear(narrow, wide), *[nn.BatchNorm1d(wide)] * norm, nn.LeakyReLU(0.2)]
        return Generator(nn.Sequential(*layers, *last, nn.Tanh()), classes)

    def discriminator(self, shape: Shape, classes: int, per_sample: bool) -> Discriminator:
        norm = self.batch_norm_in_discriminator(habit=False, per_sample=per_sample)
        pixels = input_channels(shape, classes, self.conditioning) * shape[1] * shape[2]
        widths = [pixels, *(round(w * self.hidden) for w in self.discriminator_widths)]
        layers: list[nn.Module] = [nn.Flatten()]
        for wide, narrow in pairwise(widths):
            layers += [nn.Linear(wide, narrow), *[nn.BatchNorm1d(narrow)] * norm, nn.LeakyReLU(0.2)]
            layers += [Dropout(self.dropout)] * (self.dropout > 0)
        return Discriminator(nn.Sequential(*layers), widths[-1], shape, classes, self.conditioning)
