"""Small residual networks, for colour pictures on a CPU.

The time of a convolution grows with the pixels of its output. So these networks work at half the picture's size. D
takes the four pixels of each 2x2 square as channels of one pixel (Shi et al. 2016). G doubles the size before its last
convolution.
"""

from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, leaky_relu

from ganexp.fields import STRICT
from ganexp.networks.discriminator import Discriminator, input_channels
from ganexp.networks.dropout import Dropout
from ganexp.networks.generator import Generator
from ganexp.networks.network import Network, Shape, halvings
from ganexp.networks.resnet import Norm, initialise, residual_generator


@dataclass(frozen=True, config=STRICT)
class Compact(Network):
    """`hidden` channels at half the picture's size; each further halving doubles the channels.

    Labels choose the gains and biases of G's BatchNorm. A G without BatchNorm takes labels beside its latent.
    """

    def generator(self, shape: Shape, num_classes: int) -> Generator:
        times = halvings(shape) - 1
        widths = [self.hidden << k for k in reversed(range(times + 1))]
        # At full size: there, one filter makes all pixels, and the picture shows no lattice of 2x2 squares.
        picture = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(self.hidden, shape[0], 3, padding=1))
        norm = self.generator_norm == "batch"
        return residual_generator(self.latent_dim, widths, shape[1] >> (times + 1), picture, norm, num_classes)

    def discriminator(self, shape: Shape, num_classes: int, per_sample: bool) -> Discriminator:
        times = halvings(shape) - 1
        norm = self.batch_norm_in_discriminator(habit=False, per_sample=per_sample)
        widths = [self.hidden << k for k in range(times)]
        trunk = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(4 * input_channels(shape, num_classes, self.conditioning), self.hidden, 3, padding=1),
            *[HalvingBlock(width, norm) for width in widths],
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            *[Dropout(self.dropout)] * (self.dropout > 0),
        )
        features = (self.hidden << times) * (shape[1] >> (times + 1)) ** 2
        return Discriminator(trunk, features, shape, num_classes, self.conditioning).apply(initialise)


class HalvingBlock(nn.Module):
    """Two convolutions 3x3 beside a shortcut: between them the sides are halved, the second doubles the channels."""

    def __init__(self, channels: int, norm: bool):
        super().__init__()
        self.norms = nn.ModuleList([Norm(channels, norm, 0), Norm(channels, norm, 0)])
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, 2 * channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """float [B, channels, H, W] to [B, 2 channels, H / 2, W / 2]."""
        h = self.first(leaky_relu(self.norms[0](x, None), 0.2))
        h = self.second(avg_pool2d(leaky_relu(self.norms[1](h, None), 0.2), 2))
        return h + self.shortcut(avg_pool2d(x, 2))
