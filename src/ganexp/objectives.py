"""What D and G each minimise: the method of a GAN, without a training loop.

Nothing here knows an optimizer, Lightning or Hydra. `gan.py` trains with these objectives, and so can any other loop:
docs/by_hand.md shows one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ganexp.augment import DiffAugment
from ganexp.losses import Loss
from ganexp.networks.discriminator import Discriminator, DiscriminatorOutput, mixes_samples
from ganexp.networks.generator import Generator
from ganexp.processes import collectives
from ganexp.regularizers import Regularizer


@dataclass(frozen=True)
class DiscriminatorObjective:
    """What D minimises at one update, and what it is made of.

    loss: the scalar that D minimises, the sum of the other terms; penalties count `interval` times.
    adversarial: the loss of D's half.
    classification: the losses of D's auxiliary classifier on real and on fake pictures; empty if D has none.
    real, fake: D's outputs.
    penalties: the scalars by the names of their regularizers, detached; only those that fell due at this update.
    """

    loss: Tensor
    adversarial: Tensor
    classification: Sequence[Tensor]
    real: DiscriminatorOutput
    fake: DiscriminatorOutput
    penalties: Mapping[str, Tensor]


class Objectives:
    """The objectives of one pair of networks. `real` is float [B, C, H, W] in [-1, 1]; `labels` is int64 [B], or None
    for an unconditional pair."""

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        loss: Loss,
        regularizers: Mapping[str, Regularizer] | None = None,
        augment: Sequence[str] = (),
    ):
        """The regularizers prepare D here, once.

        regularizers: by name.
        augment: DiffAugment's operations, such as `["color", "translation", "cutout"]`.
        """
        self.generator, self.discriminator, self.loss = generator, discriminator, loss
        self.regularizers = dict(regularizers or {})
        self.augment = DiffAugment(augment)
        for regularizer in self.regularizers.values():
            regularizer.prepare(discriminator)
        # With BatchNorm, one pass over real and fake pictures would mix their statistics.
        self._one_pass = not mixes_samples(discriminator)

    def for_discriminator(self, real: Tensor, labels: Tensor | None = None, update: int = 0) -> DiscriminatorObjective:
        """D's objective on a batch and as many fresh fakes. `update` counts D's updates; it decides which lazy
        regularizers fall due."""
        with torch.no_grad():
            fake = self.augment(self.fakes(real, labels))
        real = self.augment(real)
        on_real, on_fake = self._judge(real, fake, labels)
        adversarial = self.loss.discriminator(on_real.logits, on_fake.logits)
        classification = self._classification(labels, on_real, on_fake)
        loss, penalties = sum(classification, adversarial), {}
        for name in self.due(update):
            regularizer = self.regularizers[name]
            penalty = regularizer.penalty(self.discriminator, real, fake, labels)
            if penalty is not None:
                loss = loss + regularizer.interval * penalty
                penalties[name] = penalty.detach()
        return DiscriminatorObjective(loss, adversarial, classification, on_real, on_fake, penalties)

    def for_generator(self, real: Tensor, labels: Tensor | None = None) -> Tensor:
        """The scalar that G minimises, on as many fresh fakes as `real` has pictures."""
        fake = self.augment(self.fakes(real, labels))
        if self.loss.needs_real:
            on_real, on_fake = self._judge(self.augment(real), fake, labels)
            loss = self.loss.generator(on_fake.logits, on_real.logits)
        else:
            on_fake = self.discriminator(fake, labels)
            loss = self.loss.generator(on_fake.logits, None)
        return sum(self._classification(labels, on_fake), loss)

    def due(self, update: int) -> tuple[str, ...]:
        """The names of the regularizers whose penalties fall due at this update of D."""
        return tuple(name for name, regularizer in self.regularizers.items() if update % regularizer.interval == 0)

    def project(self) -> None:
        """Call after each step of D's optimizer: some regularizers, such as weight clipping, bound D's parameters."""
        for regularizer in self.regularizers.values():
            regularizer.project(self.discriminator)

    def fakes(self, real: Tensor, labels: Tensor | None) -> Tensor:
        """As many generated pictures as `real` has, from latents of N(0, 1) that torch's default generator draws."""
        size = self.generator.latent_dim
        latents = collectives.drawn(lambda n: torch.randn(n, size, device=real.device), len(real))
        return self.generator(latents, labels)

    def _judge(
        self, real: Tensor, fake: Tensor, labels: Tensor | None
    ) -> tuple[DiscriminatorOutput, DiscriminatorOutput]:
        if not self._one_pass:
            return self.discriminator(real, labels), self.discriminator(fake, labels)
        twice = torch.cat((labels, labels)) if labels is not None else None
        logits, class_logits = self.discriminator(torch.cat((real, fake)), twice)
        on_real, on_fake = logits.chunk(2)
        real_classes, fake_classes = class_logits.chunk(2) if class_logits is not None else (None, None)
        return DiscriminatorOutput(on_real, real_classes), DiscriminatorOutput(on_fake, fake_classes)

    @staticmethod
    def _classification(labels: Tensor | None, *outputs: DiscriminatorOutput) -> list[Tensor]:
        """The losses of D's auxiliary classifier, if D has one (Odena, Olah and Shlens 2017)."""
        guesses = [output.class_logits for output in outputs if output.class_logits is not None]
        return [cross_entropy(guess, labels) for guess in guesses] if labels is not None else []
