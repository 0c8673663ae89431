"""A past run, opened from its folder."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from ganexp import build
from ganexp.config import Config, parse, register_resolvers
from ganexp.errors import UserError, did_you_mean
from ganexp.sampling import classes_in_turn, interpolate, sample


@dataclass(frozen=True)
class Run:
    """path: its folder. record: the contents of `run.json`."""

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
        except FileNotFoundError:
            raise UserError(f"run={path}: not a run's folder; name one, such as outputs/…") from None
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

    def checkpoint(self, which: str | None = None) -> Path:
        """The file of `best`, `last`, or of a path, from here or within the run. None: the best, if there is one."""
        folder = self.path / "checkpoints"
        if which is None:
            which = "best" if (folder / "best.ckpt").is_file() else "last"
        candidates = [folder / f"{which}.ckpt", Path(which), self.path / which]
        found = next((c for c in candidates if c.is_file()), None)
        if found is None:
            there = ", ".join(sorted(p.stem for p in folder.glob("*.ckpt")))
            raise UserError(f"checkpoint={which}: not in {self.path}; there: {there or 'none'}")
        return found

    def network(self, checkpoint: Path, weights: str, device: str | torch.device = "cpu") -> nn.Module:
        """The generator in eval mode, with the weights `ema` or `raw` of a checkpoint."""
        state = _read(checkpoint)["state_dict"]
        prefix = "ema." if weights == "ema" else "generator."
        chosen = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        if not chosen:
            raise UserError(f"weights={weights}: {self.path} was trained with train.ema_decay=0; type weights=raw")
        network = build.generator(self.config, self.shape, len(self.record["data"]["classes"]))
        try:
            network.load_state_dict(chosen)
        except RuntimeError:
            raise UserError(
                f"checkpoint={checkpoint}: its networks are not those of {self.path}; name one of the run's own"
            ) from None
        return network.eval().requires_grad_(False).to(device)

    @cached_property
    def generator(self) -> nn.Module:
        """What the run made: (latent float [B, latent_dim], labels int64 [B] or None) to images float [B, C, H, W] in
        [-1, 1]. In eval mode, of the best checkpoint if there is one, with the average's weights if there are any."""
        return self.network(self.checkpoint(), "ema" if self.config.train.ema_decay else "raw")

    def sample(self, n: int, label: str | int | None = None, seed: int = 0) -> Tensor:
        """n pictures of `generator`, uint8 [n, C, H, W]; of one class, by name or number, or of all in turn.

        Picture i of a seed is the same for any n. UserError for a class that there is not, and for the label `all`,
        which is every class in turn in rows of n / classes, if n is no multiple of them.
        """
        choose = self._labels(label, n)
        batches = sample(self.generator, self.config.model.latent_dim, len(self.classes), n, seed, labels_at=choose)
        return torch.cat([images for images, _ in batches])

    def stream(
        self,
        n: int,
        label: str | int | None,
        seed: int,
        checkpoint: str | None,
        weights: str,
        truncation: float | None,
        steps: int,
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Batches of pictures and labels; with `steps`, n rows of so many from one latent to another."""
        network, size = self.network(self.checkpoint(checkpoint), weights), self.config.model.latent_dim
        if steps:
            labels = self._labels(label, 2 * n)(0, 2 * n, len(self.classes))
            return interpolate(network, size, labels, n, steps, seed, truncation)
        choose = self._labels(label, n)
        return sample(network, size, len(self.classes), n, seed, labels_at=choose, truncation=truncation)

    def _labels(self, label: str | int | None, n: int) -> Callable[[int, int, int], Tensor | None]:
        """Which label picture i of n gets."""
        if label is None:
            return classes_in_turn
        if not self.classes:
            raise UserError(
                f"class={label}: {self.path} is not conditional, it was not trained with classes; leave it out"
            )
        if label == "all":
            columns, rest = divmod(n, len(self.classes))
            if rest:
                n += len(self.classes) - rest
                raise UserError(f"class=all is a row for each of {len(self.classes)} classes: type n={n}")
            return lambda start, stop, classes: torch.arange(start, stop) // columns
        names = [*self.classes, *map(str, range(len(self.classes)))]
        if str(label) not in names:
            raise UserError(f"class={label}: no such class; {did_you_mean(str(label), self.classes)}, or all")
        number = names.index(str(label)) % len(self.classes)
        return lambda start, stop, classes: torch.full((stop - start,), number)

    def iteration(self, checkpoint: Path) -> int:
        """How many iterations the checkpoint's networks have seen."""
        return _read(checkpoint)["global_step"]


def _read(checkpoint: Path) -> dict[str, Any]:
    try:
        # Mapped: of three networks and two optimizers one network is wanted.
        # On the CPU: it may be from a GPU's machine.
        contents = torch.load(checkpoint, weights_only=True, mmap=True, map_location="cpu")
        return {key: contents[key] for key in ("state_dict", "global_step")}
    except Exception:  # torch.load raises whatever a file that is no checkpoint makes it stumble on.
        raise UserError(f"checkpoint={checkpoint}: not a whole checkpoint; name best, last, or another file") from None
