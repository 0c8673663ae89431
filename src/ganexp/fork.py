"""A new run that starts from the state of another run. Any key may change, except those that change the networks."""

import dataclasses
import logging
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganexp.config import Config
from ganexp.errors import UserError
from ganexp.gan import GAN
from ganexp.run import Run
from ganexp.run_folder import checkpoints

log = logging.getLogger("ganexp")


@dataclasses.dataclass(frozen=True)
class Fork:
    """parent: the run that the new run starts from. path: a checkpoint of the parent. contents: what it holds."""

    parent: Run
    path: Path
    contents: dict[str, Any]

    @classmethod
    def of(cls, config: Config) -> "Fork":
        """The fork that `config` asks for; UserError if the parent, or the checkpoint, cannot be had."""
        assert config.fork is not None
        parent = Run.open(config.fork, key="fork")
        path = (
            parent.checkpoint(str(config.at), key="at")
            if config.at is not None
            else checkpoints.newest_whole(parent.folder, key="fork")
        )
        return cls(parent, path, checkpoints.read(path))

    @property
    def step(self) -> int:
        """The iteration that the parent had reached."""
        return self.contents["global_step"]

    def weights(self, gan: GAN) -> dict[str, Tensor]:
        """The parent's networks as `gan` takes them. UserError if `gan` has other networks."""
        ours, theirs = gan.state_dict(), dict(self.contents["state_dict"])
        if gan.ema is None:
            theirs = {name: value for name, value in theirs.items() if not name.startswith("ema.")}
        elif not any(name.startswith("ema.") for name in theirs):
            raw = {name: value for name, value in theirs.items() if name.startswith("generator.")}
            theirs |= {f"ema.{name.removeprefix('generator.')}": value for name, value in raw.items()}
        for name in {**ours, **theirs}:
            shapes = [tuple(state[name].shape) if name in state else None for state in (theirs, ours)]
            if shapes[0] != shapes[1]:
                raise UserError(
                    f"fork={self.parent.folder}: its networks are not those of this configuration ({name} is "
                    f"{shapes[0] or 'not there'} in the parent, and {shapes[1] or 'not there'} here); leave out what "
                    "changes the networks, or start a new run without fork="
                )
        return theirs

    def state(self, gan: GAN, config: Config) -> dict[str, Any]:
        """A checkpoint for Lightning: the parent's, with the options of this configuration.

        If an optimizer is of another kind than the parent's, the parent's state means nothing to it and is not taken.
        """
        weights = self.weights(gan)
        if self.step >= config.trainer.max_steps:
            raise UserError(
                f"fork={self.parent.folder}: its checkpoint is of iteration {self.step}; add "
                f"trainer.max_steps={2 * self.step} or another number above {self.step}"
            )
        optimizers = []
        fresh_ones = gan.configure_optimizers()
        for name, fresh, saved in zip(
            ("generator", "discriminator"), fresh_ones, self.contents["optimizer_states"], strict=True
        ):
            now, before = (getattr(c.optimizer, name)["_target_"] for c in (config, self.parent.config))
            if now != before:
                log.info("optimizer.%s is of another kind than the parent's, so it starts without a state", name)
            # The parent's moments, with the rates and betas of this configuration.
            groups = fresh.state_dict()["param_groups"]
            state = saved["state"] if now == before else {}
            if groups[0].get("momentum"):  # With momentum 0, RMSprop kept none.
                state = {k: {"momentum_buffer": torch.zeros_like(s["square_avg"])} | s for k, s in state.items()}
            optimizers.append({"state": state, "param_groups": groups})
        callbacks = dict(self.contents.get("callbacks", {}))
        if "Evaluation" in callbacks:
            # The new run has no best checkpoint yet.
            callbacks["Evaluation"] = callbacks["Evaluation"] | {"best": math.inf}
        callbacks.pop("CollapseAlarm", None)
        # The new run has its own id. With another seed, it draws other random numbers than the parent.
        dropped = ("run",) if config.seed == self.parent.config.seed else ("run", "rng")
        own = {name: value for name, value in self.contents.items() if name not in dropped}
        return own | {"state_dict": weights, "optimizer_states": optimizers, "callbacks": callbacks}
