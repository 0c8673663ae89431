"""DCGAN (Radford, Metz and Chintala 2016), for any size that halving brings to 4..7 pixels."""

from pydantic.dataclasses import dataclass
from torch import nn

from ganexp.fields import STRICT
from ganexp.networks.discriminator import Discriminator, input_channels
from ganexp.networks.dropout import Dropout
from ganexp.networks.generator import ConcatGenerator, Generator, input_features
from ganexp.networks.network import Network, Shape, halvings


@dataclass(frozen=True, config=STRICT)
class DCGAN(Network):
    """Transposed convolutions (4x4) in G, strided convolutions in D.

    The layer beside the picture has `hidden` channels; each halving of the size doubles them.
    """

    def generator(self, shape: Shape, num_classes: int) -> Generator:
        times = halvings(shape)
        norm = self.generator_norm == "batch"
        side = shape[1] >> times
        wide = self.hidden << (times - 1)
        inputs = input_features(self.latent_dim, num_classes)
        layers: list[nn.Module] = [
            nn.Linear(inputs, wide * side * side, bias=not norm),
            nn.Unflatten(1, (wide, side, side)),
            *_normalised(wide, norm),
            nn.ReLU(),
        ]
        for _ in range(times - 1):
            layers += [nn.ConvTranspose2d(wide, wide // 2, 4, 2, 1, bias=not norm), *_normalised(wide // 2, norm)]
            layers += [nn.ReLU()]
            wide //= 2
        layers += [nn.ConvTranspose2d(wide, shape[0], 4, 2, 1), nn.Tanh()]
        return ConcatGenerator(nn.Sequential(*layers), self.latent_dim, num_classes).apply(_initialise)

    def discriminator(self, shape: Shape, num_classes: int, per_sample: bool) -> Discriminator:
        times = halvings(shape)
        norm = self.batch_norm_in_discriminator(habit=True, per_sample=per_sample)
        wide = self.hidden
        layers: list[nn.Module] = [
            nn.Conv2d(input_channels(shape, num_classes, self.conditioning), wide, 4, 2, 1),
            nn.LeakyReLU(0.2),
        ]
        for _ in range(times - 1):
            layers += [nn.Conv2d(wide, 2 * wide, 4, 2, 1, bias=not norm), *_normalised(2 * wide, norm)]
            layers += [nn.LeakyReLU(0.2)]
            wide *= 2
        layers += [nn.Flatten(), *[Dropout(self.dropout)] * (self.dropout > 0)]
        features = wide * (shape[1] >> times) ** 2
        trunk = nn.Sequential(*layers)
        return Discriminator(trunk, features, shape, num_classes, self.conditioning).apply(_initialise)


def _normalised(channels: int, norm: bool) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels)] * norm


def _initialise(module: nn.Module) -> None:
    """Section 4 of the paper: normal of sd 0.02; BatchNorm's scale around 1."""
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)
