"""The tutorial's fully connected networks; G may end with one convolution."""

import math
from itertools import pairwise
from typing import Annotated

from annotated_types import Gt, MinLen
from pydantic.dataclasses import dataclass
from torch import nn

from ganexp.fields import STRICT, NonNegative
from ganexp.networks.discriminator import Discriminator, input_channels
from ganexp.networks.dropout import Dropout
from ganexp.networks.generator import ConcatGenerator, Generator, input_features
from ganexp.networks.network import Network, Shape

Widths = Annotated[tuple[Annotated[float, Gt(0)], ...], MinLen(1)]


@dataclass(frozen=True, config=STRICT, kw_only=True)
class MLP(Network):
    """Linear layers with LeakyReLU(0.2) and, in D, dropout after each layer.

    generator_widths, discriminator_widths: widths of the layers, in multiples of `hidden`.
    maps: if not 0, G's last linear layer makes that many maps of half the picture's side, and a transposed
        convolution (4x4, stride 2) makes the picture from the maps. A pure MLP leaves isolated bright pixels; the
        convolution removes them.
    """

    generator_widths: Widths
    discriminator_widths: Widths
    maps: NonNegative = 0

    def generator(self, shape: Shape, num_classes: int) -> Generator:
        channels, height, width = shape
        widths = [
            input_features(self.latent_dim, num_classes),
            *(max(1, round(w * self.hidden)) for w in self.generator_widths),
        ]
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
        return ConcatGenerator(nn.Sequential(*layers, *last, nn.Tanh()), self.latent_dim, num_classes)

    def discriminator(self, shape: Shape, num_classes: int, per_sample: bool) -> Discriminator:
        norm = self.batch_norm_in_discriminator(habit=False, per_sample=per_sample)
        pixels = input_channels(shape, num_classes, self.conditioning) * shape[1] * shape[2]
        widths = [pixels, *(max(1, round(w * self.hidden)) for w in self.discriminator_widths)]
        layers: list[nn.Module] = [nn.Flatten()]
        for wide, narrow in pairwise(widths):
            layers += [nn.Linear(wide, narrow), *[nn.BatchNorm1d(narrow)] * norm, nn.LeakyReLU(0.2)]
            layers += [Dropout(self.dropout)] * (self.dropout > 0)
        return Discriminator(nn.Sequential(*layers), widths[-1], shape, num_classes, self.conditioning)
