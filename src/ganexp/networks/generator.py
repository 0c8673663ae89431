"""Generators: networks that know which latents and labels they take."""

import torch
from torch import Tensor, nn

LABEL_FEATURES = 32


class Generator(nn.Module):
    """The base of every generator.

    latent_dim: size of a latent.
    num_classes: how many classes it can be asked for; 0 if it takes no labels.

    A subclass defines `forward(latent, labels)`: latent float [B, latent_dim], labels int64 [B] or None, to images
    float [B, C, H, W] in [-1, 1].
    """

    def __init__(self, latent_dim: int, num_classes: int):
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device


class ConcatGenerator(Generator):
    """A body of layers that receives the latent and, beside it, the embedded label (Mirza and Osindero 2014)."""

    def __init__(self, body: nn.Module, latent_dim: int, num_classes: int):
        """`body` maps float [B, input_features(latent_dim, num_classes)] to images."""
        super().__init__(latent_dim, num_classes)
        self.label = nn.Embedding(num_classes, LABEL_FEATURES) if num_classes else None
        self.body = body

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.label is not None:
            latent = torch.cat((latent, self.label(labels)), 1)
        return self.body(latent)


def input_features(latent_dim: int, num_classes: int) -> int:
    """How many features the body of a ConcatGenerator receives."""
    return latent_dim + (LABEL_FEATURES if num_classes else 0)
