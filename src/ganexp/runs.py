"""A past run, opened from its folder."""

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor
from yaml import YAMLError

from ganexp import build, checkpoints
from ganexp.config import Config, parse, register_resolvers
from ganexp.errors import UserError, did_you_mean
from ganexp.folder import RunFolder
from ganexp.networks.generator import Generator
from ganexp.sampling import PictureStream, classes_in_turn, interpolate, sample

log = logging.getLogger("ganexp")


@dataclass(frozen=True)
class Run:
    """folder: its files. record: the contents of `run.json`."""

    folder: RunFolder
    config: Config
    record: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """UserError if there is no run with a checkpoint at `path`."""
        folder = RunFolder(Path(path))
        try:
            composed = OmegaConf.load(folder.config)
            record = folder.read_record()
        except FileNotFoundError:
            raise UserError(f"run={path}: not a run's folder; name one, such as outputs/…") from None
        except (OSError, ValueError, YAMLError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"run={path}: its files are damaged ({reason}); name another run's folder") from None
        if not isinstance(composed, DictConfig) or not composed:
            raise UserError(f"run={path}: {folder.config} is empty; name another run's folder")
        if "data" not in record or not folder.checkpoints.is_dir():
            raise UserError(f"run={path}: it has no checkpoint, its status is {record['status']!r}; name another run")
        if record["status"] == "killed":
            log.warning("%s was killed. %s", path, record["why"])
        register_resolvers()
        try:
            config: Config = parse(composed)
        except UserError as mistake:
            reason = str(mistake).splitlines()[0]
            raise UserError(
                f"run={path}: {folder.config} is damaged, or of another version of ganexp ({reason}); name another "
                "run's folder"
            ) from None
        return cls(folder, _from_here(config, folder), record)

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of a picture."""
        channels, height, width = self.record["data"]["shape"]
        return channels, height, width

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that the generator can be asked for; none if it is not conditional."""
        return tuple(self.record["data"]["classes"]) if self.config.model.conditional else ()

    def checkpoint(self, which: str | None = None) -> Path:
        """The file of `best`, `last`, or of a path, from here or within the run. None: the best, if there is one."""
        if which is None:
            return self._usual
        candidates = [self.folder.checkpoint(which), Path(which), self.path / which]
        found = next((candidate for candidate in candidates if candidate.is_file()), None)
        if found is None:
            there = ", ".join(sorted(path.stem for path in self.folder.checkpoints.glob("*.ckpt")))
            raise UserError(f"checkpoint={which}: not in {self.path}; there: {there or 'none'}")
        return found

    @cached_property
    def _usual(self) -> Path:
        """`best`, or `last` in a run that was not measured. If it is damaged, a warning names the one taken instead."""
        folder = self.folder
        usual = folder.best if folder.best.is_file() else folder.last
        others = [path for path in checkpoints.in_turn(folder) if path != usual]
        found = checkpoints.first_whole([usual, *others], self.record.get("id"))
        if found is None:
            raise UserError(f"run={self.path}: no whole checkpoint in {folder.checkpoints}; name another run")
        if found != usual:
            log.warning("%s is taken instead", found)
        return found

    def network(self, checkpoint: Path, weights: str, device: str | torch.device = "cpu") -> Generator:
        """The generator in eval mode, with the weights `ema` or `raw` of a checkpoint."""
        contents = checkpoints.read(checkpoint)
        if checkpoint.parent == self.folder.checkpoints and checkpoints.of_another_run(contents, self.record.get("id")):
            raise UserError(f"checkpoint={checkpoint}: it is of another run, by its id; name another checkpoint")
        state = contents["state_dict"]
        prefix = "ema." if weights == "ema" else "generator."
        chosen = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        if not chosen:
            raise UserError(f"weights={weights}: {self.path} was trained with train.ema_decay=0; type weights=raw")
        with _single_precision():
            network = build.generator(self.config, self.shape, len(self.record["data"]["classes"]))
        try:
            network.load_state_dict(chosen)
        except RuntimeError:
            raise UserError(
                f"checkpoint={checkpoint}: its networks are not those of {self.path}; name a checkpoint of this run"
            ) from None
        return network.eval().requires_grad_(False).to(device)

    @cached_property
    def generator(self) -> Generator:
        """The trained network: (latent float [B, latent_dim], labels int64 [B] or None) to images float [B, C, H, W]
        in [-1, 1]. It is in eval mode, of the best checkpoint if there is one, with averaged weights if there are any.
        """
        return self.network(self.checkpoint(), "ema" if self.config.train.ema_decay else "raw")

    def sample(self, n: int, label: str | int | None = None, seed: int = 0) -> Tensor:
        """n pictures of `generator`, uint8 [n, C, H, W], on the CPU.

        label: a class, by name or number. None: every class in turn. `all`: a row of n / classes pictures for each.
        Picture i of a seed is the same for any n. UserError for a class that does not exist, and for `all` if n is no
        multiple of the number of classes.
        """
        if n < 1 or not 0 <= seed < 2**32:
            raise UserError(f"sample(n={n}, seed={seed}): n is 1 or more, and seed is from 0 to {2**32 - 1}")
        batches = sample(self.generator, n, seed, labels_at=self._labels(label, n))
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
    ) -> PictureStream:
        """Batches of pictures and labels. With `steps`: n rows, each of so many steps from one latent to another."""
        network = self.network(self.checkpoint(checkpoint), weights)
        if steps:
            labels = self._labels(label, 2 * n)(0, 2 * n, network.num_classes)
            return interpolate(network, labels, n, steps, seed, truncation)
        return sample(network, n, seed, labels_at=self._labels(label, n), truncation=truncation)

    def _labels(self, label: str | int | None, n: int) -> Callable[[int, int, int], Tensor | None]:
        """A function that gives the labels of n pictures."""
        if label is None:
            return classes_in_turn
        if not self.classes:
            raise UserError(
                f"class={label}: {self.path} is not conditional, it was not trained with classes; leave class out"
            )
        if label == "all":
            columns, rest = divmod(n, len(self.classes))
            if rest:
                n += len(self.classes) - rest
                raise UserError(f"class=all makes a row for each of {len(self.classes)} classes: type n={n}")
            return lambda start, stop, _: torch.arange(start, stop) // columns
        names = [*self.classes, *map(str, range(len(self.classes)))]
        if str(label) not in names:
            raise UserError(f"class={label}: no such class; {did_you_mean(str(label), self.classes)}, or all")
        number = names.index(str(label)) % len(self.classes)
        return lambda start, stop, _: torch.full((stop - start,), number)

    def iteration(self, checkpoint: Path) -> int:
        """How many iterations the checkpoint's networks have seen."""
        return checkpoints.read(checkpoint)["global_step"]


def _from_here(config: Config, folder: RunFolder) -> Config:
    """The same configuration, with paths that were relative to the directory where the run was started."""
    started = folder.started_in()
    if started is None:
        return config
    data = dict(config.data)
    for key in ("root", "evaluator", "second_evaluator"):
        value = data.get(key)
        if isinstance(value, str) and not Path(value).expanduser().exists() and (started / value).exists():
            data[key] = str(started / value)
    return dataclasses.replace(config, data=data)


@contextlib.contextmanager
def _single_precision() -> Iterator[None]:
    """Inside the block new networks are float32, whatever default a notebook has set."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
