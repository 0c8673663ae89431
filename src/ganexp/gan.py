"""The LightningModule: it alternates D and G.

An iteration is `n_critic` updates of D, then one update of G and one of G's moving average. What an update minimises
stands in `objectives.py`. Lightning's `global_step` counts iterations, not steps of optimizers.
"""

import copy
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganexp import random_state
from ganexp.config import Train
from ganexp.data.batches import Batches
from ganexp.graphs import Graphs, make_capturable, portable, set_rate
from ganexp.networks.generator import Generator
from ganexp.networks.layout import in_order_of, put_moments_in_order
from ganexp.objectives import DiscriminatorObjective, Objectives
from ganexp.processes import collectives

AT_ONCE = 0.25
"""Seconds that one of Lightning's training steps takes. A pause ends the step earlier. An iteration that takes longer
is a step of its own."""

AVERAGE_EVERY = 4
"""Iterations between two updates of the average. One update decays as much as four would, and takes in only the last of
the four generators: in an average of a thousand, the difference hardly counts."""

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]


class GAN(pl.LightningModule):
    """The game of D and G. Its `state_dict` holds `generator.*`, `discriminator.*`, and with an average `ema.*`."""

    def __init__(
        self,
        objectives: Objectives,
        optimizers: tuple[MakeOptimizer, MakeOptimizer],
        batches: Batches,
        train: Train,
        graphs: bool = True,
    ):
        """optimizers: makers of G's and of D's optimizer. batches: without labels for unconditional networks.
        graphs: on CUDA, replay the updates as CUDA graphs."""
        super().__init__()
        self.automatic_optimization = False
        self.objectives, self.batches, self.train_options = objectives, batches, train
        self.generator, self.discriminator = objectives.generator, objectives.discriminator
        self.ema: Generator | None = (
            copy.deepcopy(self.generator).eval().requires_grad_(False) if train.ema_decay else None
        )
        self.pauses: Sequence[int] = ()
        """Intervals in iterations. At their multiples, and at the end, `scalars` is new and callbacks look."""
        self.scalars: dict[str, float] = {}
        """The newest training scalars by TensorBoard tag: losses, D's probabilities and accuracies, gradient norms."""
        self._make_optimizers = optimizers
        self._optimizers: tuple[Optimizer, ...] = ()
        self._start_rates: tuple[float, ...] = ()
        self._averaged: tuple[list[Tensor], list[Tensor]] = ([], [])
        self._penalties: dict[str, Tensor] = {}
        self._random_state: dict[str, Any] | None = None
        self._use_graphs = graphs
        self._graphs: Graphs | None = None
        self._at_once = 1
        """With several processes: the iterations that the slowest process makes in AT_ONCE seconds."""

    def configure_optimizers(self) -> tuple[Optimizer, ...]:
        networks = (self.generator, self.discriminator)
        self._optimizers = tuple(
            make(parameter for parameter in network.parameters() if parameter.requires_grad)
            for make, network in zip(self._make_optimizers, networks, strict=True)
        )
        # Before Lightning restores a checkpoint's optimizers, whose rates may have fallen already.
        self._start_rates = tuple(optimizer.param_groups[0]["lr"] for optimizer in self._optimizers)
        if self.ema is not None:
            self._averaged = _floats(self.ema), _floats(self.generator)
        return self._optimizers

    def on_train_start(self) -> None:
        # Not when the checkpoint is loaded: setting up a run draws random numbers too.
        self._penalties = {name: penalty.to(self.device) for name, penalty in self._penalties.items()}
        if self._random_state is not None:
            random_state.restore(self._random_state, self.device)
            self._random_state = None
        collectives.share_random_state(self.device)
        # Not before: Lightning restores the optimizers after `configure_optimizers`.
        for optimizer in self._optimizers:
            put_moments_in_order(optimizer)
        if self._use_graphs and self.device.type == "cuda" and collectives.world() == 1:
            for optimizer in self._optimizers:
                make_capturable(optimizer)
            n_critic, kind = self.train_options.n_critic, self.objectives.due
            self._graphs = Graphs(self._update_networks, self.batches, n_critic, kind)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["penalties"] = dict(self._penalties)
        checkpoint["optimizer_states"] = [portable(state) for state in checkpoint["optimizer_states"]]
        # If an error ends a resumed run before its state was restored, the checkpoint keeps that state.
        checkpoint["rng"] = self._random_state or random_state.of(self.device)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # The checkpoint of a fork with another seed has no random state.
        self._random_state = checkpoint.get("rng")
        # Older checkpoints hold no penalties, and a fork may have other regularizers.
        penalties = checkpoint.get("penalties", {})
        self._penalties = {name: penalties[name] for name in self.objectives.regularizers if name in penalties}

    def training_step(self, _batch: object, _index: int) -> None:
        """Make iterations until the next pause, or for a quarter of a second.

        Lightning's hooks between two training steps cost as much time as a small network's own work. Several processes
        stop after the same number of iterations, or they would wait for each other forever.
        """
        began, first = time.perf_counter(), self.global_step
        # `global_step` reads this counter. Stepping Lightning's wrapper of G's optimizer would count too, but takes 1 %
        # of the run's time.
        counter = self.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
        while True:
            self.iterate(self.global_step)
            counter.increment_ready()
            counter.increment_completed()
            done, seconds = self.global_step - first, time.perf_counter() - began
            enough = seconds > AT_ONCE if collectives.world() == 1 else done >= self._at_once
            if enough or self._pauses_at(self.global_step):
                break
        if collectives.world() > 1:
            self._at_once = max(1, int(AT_ONCE * done / collectives.maximum(seconds, self.device)))

    def iterate(self, step: int) -> None:
        """Iteration `step`, counted from 0."""
        n_critic = self.train_options.n_critic
        updates = range(step * n_critic, (step + 1) * n_critic)
        reporting = self._pauses_at(step + 1)
        self._set_learning_rates(step)
        if self._graphs is not None:
            scalars = self._graphs(updates, reporting)
        else:
            scalars = self._update_networks([self.batches[update] for update in updates], updates, reporting)
        self._update_average(step)
        if reporting:
            (values,) = collectives.averaged([torch.stack([value.detach().float() for value in scalars.values()])])
            self.scalars = dict(zip(scalars, values.tolist(), strict=True))

    @property
    def sampled_generator(self) -> Generator:
        """The generator that grids and metrics show: the average, or the raw generator if the average is off."""
        return self.ema if self.ema is not None else self.generator

    def _update_networks(
        self, batches: Sequence[tuple[Tensor, Tensor | None]], updates: Sequence[int], reporting: bool
    ) -> dict[str, Tensor]:
        """Update D on each batch, then G on as many pictures as the last batch has. Returns the scalars if `reporting`,
        else none."""
        scalars: dict[str, Tensor] = {}
        for update, (real, labels) in zip(updates, batches, strict=True):
            objective = self.objectives.for_discriminator(real, labels, update)
            norm = self._descend(objective.loss, self._optimizers[1], reporting)
            self.objectives.project()
            for name, penalty in objective.penalties.items():
                if name in self._penalties:
                    self._penalties[name].copy_(penalty)  # In place, because a graph writes to a fixed address.
                else:
                    self._penalties[name] = penalty.clone()
            if norm is not None:
                scalars = self._discriminator_scalars(objective, norm)
        loss = self.objectives.for_generator(*batches[-1])
        norm = self._descend(loss, self._optimizers[0], reporting)
        return scalars | {"loss/generator": loss, "gradient_norm/generator": norm} if norm is not None else {}

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        """EMA of the generator. Early in a run it forgets fast: its decay is (1 + t) / (10 + t) at most."""
        every = AVERAGE_EVERY if step > 100 else 1
        if self.ema is not None and (step + 1) % every == 0:
            decay = min(self.train_options.ema_decay, (1 + step) / (10 + step))
            average, current = self._averaged
            torch._foreach_lerp_(average, current, 1 - decay**every)

    def _descend(self, loss: Tensor, optimizer: Optimizer, reporting: bool) -> Tensor | None:
        """One step of one network's optimizer, by the mean gradient of all processes. The other network gets none.

        Returns the norm of the gradient before clipping, if `reporting`.
        """
        parameters = optimizer.param_groups[0]["params"]
        gradients = collectives.averaged(torch.autograd.grad(loss, parameters))
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = in_order_of(parameter, gradient)
        norm = nn.utils.get_total_norm(gradients) if reporting else None
        if self.train_options.clip_norm:
            nn.utils.clip_grad_norm_(parameters, self.train_options.clip_norm)
        optimizer.step()
        torch.clear_autocast_cache()  # One autocast block of Lightning holds many steps; the cache is of old weights.
        return norm

    def _discriminator_scalars(self, objective: DiscriminatorObjective, norm: Tensor) -> dict[str, Tensor]:
        real, fake, loss = objective.real.logits, objective.fake.logits, self.objectives.loss
        scalars = {"loss/discriminator": objective.adversarial, "gradient_norm/discriminator": norm}
        if objective.classification:
            scalars["loss/classification"] = torch.stack([*objective.classification]).sum()
        # The newest penalty of each regularizer: a lazy penalty seldom falls due at the iteration that is reported.
        if self._penalties:
            scalars["loss/penalty"] = torch.stack([*self._penalties.values()]).sum()
        if loss.is_log_odds:
            scalars |= {"probability/real": real.sigmoid().mean(), "probability/fake": fake.sigmoid().mean()}
        else:
            scalars |= {"score/real": real.mean(), "score/fake": fake.mean()}
        if (boundary := loss.boundary) is not None:
            scalars |= {"accuracy/real": (real > boundary).float().mean()}
            scalars |= {"accuracy/fake": (fake < boundary).float().mean()}
        return scalars

    def _pauses_at(self, step: int) -> bool:
        return step == self.trainer.max_steps or any(step % every == 0 for every in self.pauses)

    def _set_learning_rates(self, step: int) -> None:
        """Constant, then linear from `decay_from` of the run on, down to `decay_to` of the start rate."""
        start, end = self.train_options.decay_from, self.train_options.decay_to
        if start < 1:
            past = max(0.0, (step / self.trainer.max_steps - start) / (1 - start))
            for optimizer, rate in zip(self._optimizers, self._start_rates, strict=True):
                set_rate(optimizer, rate * (1 - past * (1 - end)))


def _floats(module: nn.Module) -> list[Tensor]:
    """Parameters and running statistics. BatchNorm's integer counters play no part in inference."""
    return [t for t in (*module.parameters(), *module.buffers()) if t.is_floating_point()]
