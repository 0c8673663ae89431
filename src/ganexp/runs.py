"""A past run, opened from its folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from ganexp import build
from ganexp.config import Config, parse, register_resolvers
from ganexp.errors import UserError


@dataclass(frozen=True)
class Run:
    """record: the contents of `run.json`. classes: names of the data's classes, whether the GAN uses them or not."""

    path: Path
    config: Config
    record: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """UserError if there is no run with a checkpoint at `path`."""
        path = Path(path)
        try:
            composed = OmegaConf.load(path / ".hydra" / "config.yaml")
            record = json.loads((path / "run.json").read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"run={path}: not a run's folder ({error}); name one, such as outputs/…") from None
        if "data" not in record or not (path / "checkpoints").is_dir():
            raise UserError(f"run={path}: it has no checkpoint, its status is {record['status']!r}; name another run")
        register_resolvers()
        assert isinstance(composed, DictConfig)
        return cls(path, parse(composed), record)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of a picture."""
        channels, height, width = self.record["data"]["shape"]
        return channels, height, width

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of what the generator can be asked for; none if it is not conditional."""
        return tuple(self.record["data"]["classes"]) if self.config.model.conditional else ()

    def checkpoint(self, which: str) -> Path:
        """The file of `best`, `last`, or of a path, from here or within the run."""
        candidates = [self.path / "checkpoints" / f"{which}.ckpt", Path(which), self.path / which]
        found = next((c for c in candidates if c.is_file()), None)
        if found is None:
            there = ", ".join(sorted(p.stem for p in (self.path / "checkpoints").glob("*.ckpt")))
            raise UserError(f"checkpoint={which}: not in {self.path}; there: {there or 'none'}")
        return found

    def generator(self, checkpoint: Path, weights: str, device: str | torch.device = "cpu") -> nn.Module:
        """In eval mode, with the weights `ema` or `raw` of a checkpoint."""
        state = torch.load(checkpoint, weights_only=True, mmap=True)["state_dict"]
        prefix = "ema." if weights == "ema" else "generator."
        chosen = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        if not chosen:
            raise UserError(f"weights={weights}: {self.path} was trained with train.ema_decay=0; type weights=raw")
        network = build.generator(self.config, self.shape, len(self.record["data"]["classes"]))
        network.load_state_dict(chosen)
        return network.eval().requires_grad_(False).to(device)

    def iteration(self, checkpoint: Path) -> int:
        """How many iterations the checkpoint's networks have seen."""
        return torch.load(checkpoint, weights_only=True, mmap=True)["global_step"]
