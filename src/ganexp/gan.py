"""The adversarial game.

An iteration is `n_critic` updates of the discriminator, one of the generator
and one of the generator's moving average. Lightning is told of iterations, not
of optimizers' steps, so that `global_step` counts the former.
"""

import copy
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganexp.augment import DiffAugment
from ganexp.config import Train
from ganexp.data.batches import Batches
from ganexp.losses import Loss
from ganexp.networks.discriminator import Discriminator, Verdict, mixes_samples
from ganexp.pictures import to_uint8
from ganexp.regularizers import Regularizer

EMA_EVERY = 4
"""Iterations between two updates of the average, each with the decay of as many: the same average for a quarter
of the work, which at every iteration takes 3 % of the tutorial's time."""

MakeOptimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


class GAN(pl.LightningModule):
    def __init__(
        self,
        generator: nn.Module,
        discriminator: Discriminator,
        loss: Loss,
        regularizers: Sequence[Regularizer],
        optimizers: tuple[MakeOptimizer, MakeOptimizer],
        train: Train,
        latent_dim: int,
        make_batches: Callable[[torch.device], Batches],
        pauses: Sequence[int],
    ):
        """`generator`: (latent, labels) to images. `optimizers`: for the generator, the discriminator.
        `make_batches`: of a device, called when training starts; its labels are the networks' conditions.
        `pauses`: at multiples of each, in iterations, and at the end there is a report and callbacks have a look."""
        super().__init__()
        self.automatic_optimization = False
        self.generator = generator
        self.discriminator = discriminator
        self.ema = copy.deepcopy(generator).eval().requires_grad_(False) if train.ema_decay else None
        self.loss, self.regularizers, self.train_options = loss, regularizers, train
        self.augment = DiffAugment(train.augment)
        self.latent_dim, self.pauses = latent_dim, pauses
        self.mixes_samples = mixes_samples(discriminator)
        self._penalties: dict[int, Tensor] = {}
        self.report: dict[str, float] = {}
        """The newest figures, by TensorBoard tag."""
        self._make_optimizers, self._make_batches = optimizers, make_batches

    def configure_optimizers(self):
        make_g, make_d = self._make_optimizers
        return make_g(self.generator.parameters()), make_d(self.discriminator.parameters())

    def on_train_start(self) -> None:
        self.batches = self._make_batches(self.device)
        self._of_generator = list(self.generator.parameters())
        self._of_discriminator = list(self.discriminator.parameters())
        self._optimizers = self.optimizers(use_pl_optimizer=False)
        self._rates = [o.param_groups[0].get("initial_lr", o.param_groups[0]["lr"]) for o in self._optimizers]  # type: ignore[union-attr]
        if self.ema is not None:
            self._averaged = _floats(self.ema), _floats(self.generator)

    def training_step(self, _batch: object, _index: int) -> None:
        """Iterations until anybody wants to look: at one of the `pauses`, at the end, four times a second.

        Lightning's hooks between two training steps cost as much as a small network's own work.
        """
        pause = time.perf_counter() + 0.25
        # `global_step` is this count. Lightning's wrapper of an optimizer keeps it too, at 1 % of the run's time.
        count = self.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
        while True:
            self.iterate(self.global_step)
            count.increment_ready()
            count.increment_completed()
            step = self.global_step
            if self._pauses_at(step) or time.perf_counter() > pause:
                return

    def iterate(self, step: int) -> None:
        n_critic = self.train_options.n_critic
        reporting = self._pauses_at(step + 1)
        self._set_learning_rates(step)
        for update in range(step * n_critic, (step + 1) * n_critic):
            real, labels = self.batches[update]
            figures = self.update_discriminator(real, labels, update, reporting)
        figures |= self.update_generator(real, labels, reporting)
        self.update_average(step)
        if reporting:
            values = torch.stack([value.detach().float() for value in figures.values()]).tolist()
            self.report = dict(zip(figures, values, strict=True))

    def update_discriminator(self, real: Tensor, labels: Tensor | None, update: int, reporting: bool) -> dict[str, Any]:
        """One step of D's optimizer on `real`, float [B, C, H, W] in [-1, 1], with labels int64 [B] or None.

        `update` counts from the start of the run. The figures of it, scalars by tag, if `reporting`; else none.
        """
        with torch.no_grad():
            fake = self.augment(self.generator(self.latent(len(real)), labels))
        real = self.augment(real)
        of_real, of_fake = self.judge(real, fake, labels)
        loss = self.loss.discriminator(of_real.logits, of_fake.logits)
        if of_real.classes is not None and of_fake.classes is not None:
            assert labels is not None
            loss = loss + cross_entropy(of_real.classes, labels) + cross_entropy(of_fake.classes, labels)
        adversarial = loss
        for i, regularizer in enumerate(self.regularizers):
            if update % regularizer.interval == 0:
                penalty = regularizer.penalty(self.discriminator, real, fake, labels)
                if penalty is not None:
                    loss = loss + regularizer.interval * penalty
                    self._penalties[i] = penalty.detach()
        norm = self._descend(loss, self._of_discriminator, self._optimizers[1], reporting)  # type: ignore[index]
        for regularizer in self.regularizers:
            regularizer.project(self.discriminator)
        if not reporting:
            return {}
        # The newest of each: a lazy one seldom falls on the iteration that is reported.
        penalty = {"loss/penalty": sum(self._penalties.values())} if self._penalties else {}
        return penalty | {
            "loss/discriminator": adversarial,
            "probability/real": of_real.logits.sigmoid().mean(),
            "probability/fake": of_fake.logits.sigmoid().mean(),
            "accuracy/real": (of_real.logits > self.loss.boundary).float().mean(),
            "accuracy/fake": (of_fake.logits < self.loss.boundary).float().mean(),
            "gradient_norm/discriminator": norm,
        }

    def update_generator(self, real: Tensor, labels: Tensor | None, reporting: bool) -> dict[str, Any]:
        """One step of G's optimizer, likewise; `real` gives its size, and is judged beside if the loss compares."""
        fake = self.augment(self.generator(self.latent(len(real)), labels))
        if self.loss.compares:
            of_real, of_fake = self.judge(self.augment(real), fake, labels)
            loss = self.loss.generator(of_fake.logits, of_real.logits)
        else:
            of_fake = self.discriminator(fake, labels)
            loss = self.loss.generator(of_fake.logits, None)
        if of_fake.classes is not None:
            loss = loss + cross_entropy(of_fake.classes, labels)  # type: ignore[arg-type]
        norm = self._descend(loss, self._of_generator, self._optimizers[0], reporting)  # type: ignore[index]
        return {"loss/generator": loss, "gradient_norm/generator": norm} if reporting else {}

    @torch.no_grad()
    def update_average(self, step: int) -> None:
        """EMA of the generator, with warm-up: early on it forgets fast (decay (1 + t) / (10 + t))."""
        every = EMA_EVERY if step > 100 else 1
        if self.ema is not None and (step + 1) % every == 0:
            average, current = self._averaged
            decay = min(self.train_options.ema_decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(average, current, 1 - decay**every)

    def judge(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> tuple[Verdict, Verdict]:
        """D on both: in one pass, unless BatchNorm would mix their statistics."""
        if self.mixes_samples:
            return self.discriminator(real, labels), self.discriminator(fake, labels)
        twice = torch.cat((labels, labels)) if labels is not None else None
        both = self.discriminator(torch.cat((real, fake)), twice)
        of_real, of_fake = both.logits.chunk(2)
        real_classes, fake_classes = both.classes.chunk(2) if both.classes is not None else (None, None)
        return Verdict(of_real, real_classes), Verdict(of_fake, fake_classes)

    def latent(self, n: int) -> Tensor:
        """Fresh noise from N(0, 1), float [n, latent_dim]."""
        return torch.randn(n, self.latent_dim, device=self.device)

    @torch.no_grad()
    def pictures(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        """What one looks at: `shown`'s pictures, uint8 [n, C, H, W]."""
        network = self.shown
        was_training = network.training
        images = network.eval()(latent, labels)
        network.train(was_training)
        return to_uint8(images)

    @property
    def shown(self) -> nn.Module:
        """The generator that pictures and figures come from: the EMA, or the raw one if that is off."""
        return self.ema if self.ema is not None else self.generator

    def _descend(
        self, loss: Tensor, parameters: list[nn.Parameter], optimizer: torch.optim.Optimizer, reporting: bool
    ) -> Tensor | None:
        """One step of one network's optimizer; the other one gets no gradient. Their norm before clipping, if asked."""
        gradients = torch.autograd.grad(loss, parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        norm = nn.utils.get_total_norm(gradients) if reporting else None
        if self.train_options.clip_norm:
            norm = nn.utils.clip_grad_norm_(parameters, self.train_options.clip_norm)
        optimizer.step()
        return norm

    def _pauses_at(self, step: int) -> bool:
        return step == self.trainer.max_steps or any(step % every == 0 for every in self.pauses)

    def _set_learning_rates(self, step: int) -> None:
        """Constant, then linear from `decay_from` of the run down to `decay_to` of the rate."""
        start, end = self.train_options.decay_from, self.train_options.decay_to
        if start < 1:
            past = max(0.0, (step / self.trainer.max_steps - start) / (1 - start))
            for optimizer, rate in zip(self._optimizers, self._rates, strict=True):  # type: ignore[arg-type]
                optimizer.param_groups[0]["lr"] = rate * (1 - past * (1 - end))
                optimizer.param_groups[0]["initial_lr"] = rate


def _floats(module: nn.Module) -> list[Tensor]:
    """Parameters and running statistics; BatchNorm's integer counters play no part in inference."""
    return [t for t in (*module.parameters(), *module.buffers()) if t.is_floating_point()]
