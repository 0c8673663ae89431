"""How a discriminator uses labels, whatever its layers are."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Conditioning = Literal["concat", "projection", "auxiliary"]


class Verdict(NamedTuple):
    """logits: float32 [B], high for real. classes: float32 [B, classes], or None without an auxiliary classifier."""

    logits: Tensor
    classes: Tensor | None = None


class Discriminator(nn.Module):
    """A trunk of layers, a logit on its features, and one of three uses of the label.

    concat: an embedded label joins the picture as one more channel (Mirza and Osindero 2014).
    projection: the logit gains features · embedded label (Miyato and Koyama 2018).
    auxiliary: a second head names the class, of real and of generated pictures (Odena et al. 2017).
    """

    def __init__(self, trunk: nn.Module, features: int, shape: tuple[int, int, int], classes: int, conditioning: str):
        """`trunk` maps float [B, C, H, W] to [B, features]; `classes` is 0 for an unconditional D.

        With `concat`, the trunk receives `input_channels(...)` channels.
        """
        super().__init__()
        _, self.height, self.width = shape
        self.trunk = trunk
        self.logit = nn.Linear(features, 1)
        conditioning = conditioning if classes else "none"
        self.label_map = nn.Embedding(classes, self.height * self.width) if conditioning == "concat" else None
        self.projection = nn.Embedding(classes, features) if conditioning == "projection" else None
        if self.projection is not None:  # As large as a linear layer's weights: N(0, 1) would drown the other logit.
            nn.init.normal_(self.projection.weight, std=features**-0.5)
        self.classifier = nn.Linear(features, classes) if conditioning == "auxiliary" else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        """images: float [B, C, H, W] in [-1, 1]; labels: int64 [B], None if unconditional."""
        if self.label_map is not None:
            channel = self.label_map(labels).view(-1, 1, self.height, self.width)
            images = torch.cat((images, channel), 1)
        features = self.trunk(images)
        logits = self.logit(features).squeeze(1)
        if self.projection is not None:
            logits = logits + (features * self.projection(labels)).sum(1)
        classes = self.classifier(features).float() if self.classifier is not None else None
        return Verdict(logits.float(), classes)


def input_channels(shape: tuple[int, int, int], classes: int, conditioning: str) -> int:
    """Channels that a trunk meets: the picture's, and the label's where it is concatenated."""
    return shape[0] + (classes > 0 and conditioning == "concat")


def mixes_samples(module: nn.Module) -> bool:
    """Whether a picture's output depends on the others of its batch."""
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in module.modules())
