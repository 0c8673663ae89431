"""How a generator uses labels, where it takes them with the latent."""

import torch
from torch import Tensor, nn

LABEL_FEATURES = 32


class Generator(nn.Module):
    """Layers on a latent, to which an embedded label is concatenated (Mirza and Osindero 2014)."""

    def __init__(self, body: nn.Module, classes: int):
        """`body` maps float [B, input_features(...)] to images; `classes` is 0 for an unconditional G."""
        super().__init__()
        self.label = nn.Embedding(classes, LABEL_FEATURES) if classes else None
        self.body = body

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """latent: float [B, latent_dim]; labels: int64 [B] or None. Images: float [B, C, H, W] in [-1, 1]."""
        if self.label is not None:
            latent = torch.cat((latent, self.label(labels)), 1)
        return self.body(latent)


def input_features(latent_dim: int, classes: int) -> int:
    """Features that a body meets: the latent's, and the label's if there are labels."""
    return latent_dim + (LABEL_FEATURES if classes else 0)
