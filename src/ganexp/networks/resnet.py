"""SNGAN's residual networks (Miyato et al. 2018, CIFAR-10's table), for any size that halves down to 4..7 pixels."""

import itertools
import math
from collections.abc import Sequence

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import relu

from ganexp.fields import STRICT
from ganexp.networks.discriminator import Discriminator, input_channels
from ganexp.networks.dropout import Dropout
from ganexp.networks.generator import ConcatGenerator, Generator, input_features
from ganexp.networks.network import Network, Shape, halvings


@dataclass(frozen=True, config=STRICT)
class ResNet(Network):
    """Residual blocks: `hidden` channels at every size in G, half as many in D.

    Labels choose the gains and biases of G's BatchNorm. A G without BatchNorm takes labels beside its latent.
    """

    def generator(self, shape: Shape, num_classes: int) -> Generator:
        times = halvings(shape)
        widths = [self.hidden] * (times + 1)
        picture = nn.Conv2d(self.hidden, shape[0], 3, padding=1)
        norm = self.generator_norm == "batch"
        return residual_generator(self.latent_dim, widths, shape[1] >> times, picture, norm, num_classes)

    def discriminator(self, shape: Shape, num_classes: int, per_sample: bool) -> Discriminator:
        # Two blocks halve 32 pixels to 8, and two more keep that size. Larger pictures are first halved to 32..63.
        times = max(2, halvings(shape) - 1)
        norm = self.batch_norm_in_discriminator(habit=False, per_sample=per_sample)
        wide = max(1, self.hidden // 2)
        trunk = nn.Sequential(
            Block(input_channels(shape, num_classes, self.conditioning), wide, norm, down=True, first=True),
            *[Block(wide, wide, norm, down=True) for _ in range(times - 1)],
            *[Block(wide, wide, norm) for _ in range(2)],
            nn.ReLU(),
            SumPool(),
            *[Dropout(self.dropout)] * (self.dropout > 0),
        )
        return Discriminator(trunk, wide, shape, num_classes, self.conditioning).apply(initialise)


def residual_generator(
    latent_dim: int, widths: Sequence[int], side: int, picture: nn.Module, norm: bool, num_classes: int
) -> Generator:
    """A generator of residual blocks with fresh weights. With `norm`, labels choose the gains and biases of BatchNorm.
    Without `norm`, labels join the latent."""
    if norm:
        network = ResidualGenerator(latent_dim, widths, side, picture, True, num_classes)
    else:
        body = ResidualGenerator(input_features(latent_dim, num_classes), widths, side, picture, False, 0)
        network = ConcatGenerator(body, latent_dim, num_classes)
    return network.apply(initialise)


class ResidualGenerator(Generator):
    def __init__(
        self, latent_dim: int, widths: Sequence[int], side: int, picture: nn.Module, norm: bool, num_classes: int
    ):
        """The first maps have widths[0] channels and sides of `side` pixels. One block follows for each further width,
        and each block doubles the sides. `picture` turns the last maps into values, and their tanh is the picture."""
        super().__init__(latent_dim, num_classes)
        first, *_, last = widths
        self.stem = nn.Sequential(nn.Linear(latent_dim, first * side * side), nn.Unflatten(1, (first, side, side)))
        self.blocks = nn.ModuleList(Block(*pair, norm, num_classes, up=True) for pair in itertools.pairwise(widths))
        self.norm = Norm(last, norm, num_classes)
        self.picture = picture

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.stem(latent)
        for block in self.blocks:
            x = block(x, labels)
        return self.picture(relu(self.norm(x, labels))).tanh()


class Block(nn.Module):
    """Twice norm, ReLU and convolution 3x3, beside a shortcut (He et al. 2016).

    up: the sides double before the first convolution. down: the sides halve after the second convolution.
    first: the input is a picture, so no norm and no ReLU come before the first convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        norm: bool,
        num_classes: int = 0,
        up: bool = False,
        down: bool = False,
        first: bool = False,
    ):
        super().__init__()
        self.first = first
        self.norms = nn.ModuleList([Norm(inputs, norm and not first, num_classes), Norm(outputs, norm, num_classes)])
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(inputs, outputs, 3, padding=1), nn.Conv2d(outputs, outputs, 3, padding=1)]
        )
        self.up = nn.Upsample(scale_factor=2) if up else nn.Identity()
        self.down = nn.AvgPool2d(2) if down else nn.Identity()
        reshapes = up or down or inputs != outputs
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if reshapes else nn.Identity()

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """float [B, inputs, H, W] to [B, outputs, H', W']."""
        h = x if self.first else relu(self.norms[0](x, labels))
        h = self.convolutions[0](self.up(h))
        h = self.convolutions[1](relu(self.norms[1](h, labels)))
        # A 1x1 convolution commutes with both changes of size, so it runs where there are fewer pixels.
        return self.down(h) + self.up(self.shortcut(self.down(x)))


class Norm(nn.Module):
    """BatchNorm, with a gain and a bias for each class if there are classes (Dumoulin et al. 2017); or nothing."""

    def __init__(self, channels: int, norm: bool, num_classes: int):
        super().__init__()
        conditional = norm and num_classes > 0
        self.norm = nn.BatchNorm2d(channels, affine=not conditional) if norm else nn.Identity()
        self.gain = nn.Embedding(num_classes, channels) if conditional else None
        self.bias = nn.Embedding(num_classes, channels) if conditional else None

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """x: float [B, channels, H, W]; labels: int64 [B], None without classes."""
        x = self.norm(x)
        if self.gain is None or self.bias is None:
            return x
        return torch.addcmul(self.bias(labels)[:, :, None, None], self.gain(labels)[:, :, None, None], x)


class SumPool(nn.Module):
    """The sum of each channel: float [B, C, H, W] to [B, C]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum((2, 3))


def initialise(module: nn.Module) -> None:
    """Uniform weights (Glorot and Bengio 2010), sqrt(2) times as large in the two convolutions of a Block. Children
    come before parents."""
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, Block):
        for convolution in module.convolutions:
            assert isinstance(convolution, nn.Conv2d)
            nn.init.xavier_uniform_(convolution.weight, math.sqrt(2))
    elif isinstance(module, Norm) and module.gain is not None and module.bias is not None:
        nn.init.ones_(module.gain.weight)
        nn.init.zeros_(module.bias.weight)
    elif isinstance(module, Discriminator) and module.projection is not None:
        nn.init.xavier_uniform_(module.projection.weight)
