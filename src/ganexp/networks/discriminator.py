"""Discriminators: what they say of pictures, and how they use labels."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Conditioning = Literal["concat", "projection", "auxiliary"]


class DiscriminatorOutput(NamedTuple):
    """What D says of a batch.

    logits: float32 [B], high for real.
    class_logits: float32 [B, num_classes], or None without a classifier.
    """

    logits: Tensor
    class_logits: Tensor | None = None


class Discriminator(nn.Module):
    """A trunk of layers, a logit from its features, and one of three uses of the label.

    - `concat`: an embedded label joins the picture as one more channel (Mirza and Osindero 2014).
    - `projection`: the logit gains features · embedded label (Miyato and Koyama 2018).
    - `auxiliary`: a second head classifies real and generated pictures (Odena, Olah and Shlens 2017).
    """

    def __init__(
        self, trunk: nn.Module, features: int, shape: tuple[int, int, int], num_classes: int, conditioning: str
    ):
        """`trunk` maps float [B, C, H, W] to [B, features]; `num_classes` is 0 for an unconditional D.

        With `concat`, the trunk receives `input_channels(...)` channels.
        """
        super().__init__()
        _, self.height, self.width = shape
        self.trunk = trunk
        self.logit = nn.Linear(features, 1)
        conditioning = conditioning if num_classes else "none"
        self.label_map = nn.Embedding(num_classes, self.height * self.width) if conditioning == "concat" else None
        self.projection = nn.Embedding(num_classes, features) if conditioning == "projection" else None
        if self.projection is not None:  # N(0, 1), the default, would make this term far larger than the logit.
            nn.init.normal_(self.projection.weight, std=features**-0.5)
        self.classifier = nn.Linear(features, num_classes) if conditioning == "auxiliary" else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """images: float [B, C, H, W] in [-1, 1]; labels: int64 [B], None if unconditional."""
        if self.label_map is not None:
            channel = self.label_map(labels).view(-1, 1, self.height, self.width)
            images = torch.cat((images, channel), 1)
        features = self.trunk(images)
        logits = self.logit(features).squeeze(1)
        if self.projection is not None:
            logits = logits + (features * self.projection(labels)).sum(1)
        class_logits = self.classifier(features).float() if self.classifier is not None else None
        return DiscriminatorOutput(logits.float(), class_logits)


def input_channels(shape: tuple[int, int, int], num_classes: int, conditioning: str) -> int:
    """How many channels a trunk receives: the picture's, and one for the label if D concatenates it."""
    return shape[0] + (num_classes > 0 and conditioning == "concat")


def mixes_samples(module: nn.Module) -> bool:
    """Whether the output for a picture depends on the other pictures of its batch.

    BatchNorm mixes samples. A module of your own that mixes samples has an attribute `mixes_samples = True`.
    """
    return any(
        isinstance(m, nn.modules.batchnorm._BatchNorm) or getattr(m, "mixes_samples", False) for m in module.modules()
    )
