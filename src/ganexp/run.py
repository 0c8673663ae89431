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

from ganexp import build
from ganexp.config import CONF, Config, parse, register_resolvers
from ganexp.errors import UserError, did_you_mean
from ganexp.evaluation import Evaluation
from ganexp.networks.generator import Generator
from ganexp.pictures.samples import Samples
from ganexp.pictures.sampling import PictureStream, classes_in_turn, interpolate, sample
from ganexp.run_folder import checkpoints, started
from ganexp.run_folder.folder import RunFolder
from ganexp.run_folder.record import headline

log = logging.getLogger("ganexp")


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """folder: its files. config: its settings. record: the contents of `run.json`. A notebook shows its newest grid."""

    folder: RunFolder
    config: Config
    record: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path, key: str = "run") -> "Run":
        """The run in the folder `path`. UserError, which names `key`, if there is no run with a checkpoint."""
        folder = RunFolder(Path(path))
        try:
            composed = OmegaConf.load(folder.config)
            record = folder.read_record()
        except FileNotFoundError:
            raise UserError(f"{key}={path}: not a run's folder; name one, such as outputs/…") from None
        except (OSError, ValueError, YAMLError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{key}={path}: its files are damaged ({reason}); name another run's folder") from None
        if not isinstance(composed, DictConfig) or not composed:
            raise UserError(f"{key}={path}: {folder.config} is empty; name another run's folder")
        if "data" not in record or not folder.checkpoints.is_dir():
            raise UserError(f"{key}={path}: it has no checkpoint, its status is {record['status']!r}; name another run")
        if record["status"] == "killed":
            advice = f" To go on: {folder.resume}" if folder.has_checkpoint() else ""
            log.warning("%s was killed. %s%s", path, record["why"], advice)
        register_resolvers()
        try:
            config: Config = parse(composed)
        except UserError as mistake:
            reason = str(mistake).splitlines()[0]
            raise UserError(
                f"{key}={path}: {folder.config} is damaged, or of another version of ganexp ({reason}); name another "
                "run's folder"
            ) from None
        config = dataclasses.replace(config, data=started.data_from_here(dict(config.data), folder))
        return cls(folder, config, record)

    def __repr__(self) -> str:
        told = [str(self.record["status"])]
        if "iterations" in self.record:
            told.append(f"{self.record['iterations']:,} iterations")
        if (fid := headline(self.record)) is not None and self.evaluation is not None:
            told.append(f"FID {fid:.2f}")
        return f"<Run {self.folder}: {', '.join(told)}>"

    def _repr_html_(self) -> str:
        from ganexp.interactive import notebook

        return notebook.run(self)

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

    @property
    def evaluation(self) -> Evaluation | None:
        """The measurement of the run at its end; None if it was not measured, or was resumed and not measured again."""
        found, iterations = self.record.get("evaluation"), self.record.get("iterations")
        if found is None or self.record["status"] != "finished" or found.get("iterations", iterations) != iterations:
            return None
        return Evaluation.from_json(found)

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """The columns of the evaluation: `samples`, `real` and `noise`, each by the metric's name; {} without one.

        `pandas.DataFrame(run.metrics)` has a row for each metric.
        """
        return self.evaluation.columns if self.evaluation is not None else {}

    @property
    def losses(self) -> list[dict[str, float]]:
        """The training scalars: for each iteration that was logged, `iteration`, `seconds`, `loss/generator` and so on.

        `pandas.DataFrame(run.losses)` has a row for each of these iterations. They are read from TensorBoard's files or
        from those of `logger=csv`; [] if the run has neither.
        """
        from ganexp.page import curves

        return curves.rows(curves.read(self.folder, self.record.get("iterations_per_second")))

    def checkpoint(self, which: str | None = None, key: str = "checkpoint") -> Path:
        """The file of a checkpoint.

        which: `best`, `last`, an iteration, or a path, from the current directory or from the run's folder. None: the
        best one, if there is one. key: the key that named it, for the UserError.
        """
        if which is None:
            return self._usual
        own = self.folder.checkpoint(int(which) if which.isdigit() else which)
        candidates = [own, Path(which), self.path / which]
        found = next((candidate for candidate in candidates if candidate.is_file()), None)
        if found is None:
            there = ", ".join(sorted(path.stem for path in self.folder.checkpoints.glob("*.ckpt")))
            raise UserError(f"{key}={which}: not in {self.path}; the run has: {there or 'none'}")
        return found

    @cached_property
    def _usual(self) -> Path:
        """`best`, or `last` in a run that was not measured. If it is damaged, another one is taken, with a warning."""
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
            raise UserError(f"checkpoint={checkpoint}: its id is that of another run; name another checkpoint")
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
        return self.network(self.checkpoint(), self.weights(None))

    def weights(self, asked: str | None) -> str:
        """`ema` or `raw`. asked: the user's choice; None: `ema` if the run has an average, else `raw`."""
        return asked or ("ema" if self.config.train.ema_decay else "raw")

    def evaluate(
        self, n: int = 10_000, checkpoint: str | None = None, weights: str | None = None, seed: int = 0
    ) -> Evaluation:
        """Measure n samples, as `python -m ganexp.evaluate run=…` does, and keep the result in the run's folder.

        checkpoint: as for `Run.checkpoint`. weights: `ema` or `raw`; None: the average, if there is one. seed: of the
        samples. The protocol is the in-domain one. UserError if the data has no evaluator.
        """
        from ganexp import device, evaluate

        asked = {"run": str(self.path), "n": n, "checkpoint": checkpoint, "weights": weights, "seed": seed}
        options = self._options("evaluate", evaluate.Evaluate, asked)
        evaluation = evaluate.measure(options, self, device.choose(options.device))
        self.record.update(self.folder.known_record())
        return evaluation

    def export(self, out: str | Path | None = None, checkpoint: str | None = None, weights: str | None = None) -> Path:
        """Write the generator for other programs, as `python -m ganexp.export run=…` does. The folder of the files.

        out: the folder; None: `export` in the run's folder. checkpoint, weights: as for `evaluate`. UserError if a
        package of `ganexp[export]` is missing.
        """
        from ganexp import export

        folder = Path(out) if out is not None else self.folder.export
        export.check(folder)
        asked = {"run": str(self.path), "checkpoint": checkpoint, "weights": weights}
        options = self._options("export", export.Export, asked)
        export.write(self, options.checkpoint, self.weights(options.weights), folder)
        return folder

    def _options(self, command: str, schema: type, asked: dict[str, Any]) -> Any:
        """The options of a command: what is asked for, and else what `conf/` says. UserError as for the command."""
        conf: Any = OmegaConf.to_container(OmegaConf.load(CONF / f"{command}.yaml"))
        chosen = {**conf, **asked}
        return parse(OmegaConf.create({key: chosen[key] for key in conf if key not in ("defaults", "hydra")}), schema)

    def sample(self, n: int, label: str | int | None = None, seed: int = 0) -> Samples:
        """n pictures of `generator`, uint8 [n, C, H, W], on the CPU. A notebook shows them as a sheet.

        label: a class, by name or number. None: every class in turn. `all`: a row of n / classes pictures for each.
        Picture i of a seed is the same for any n. UserError for a class that does not exist, and for `all` if n is no
        multiple of the number of classes.
        """
        if n < 1 or not 0 <= seed < 2**32:
            raise UserError(f"sample(n={n}, seed={seed}): n is 1 or more, and seed is from 0 to {2**32 - 1}")
        images, labels = zip(*sample(self.generator, n, seed, labels_at=self._labels(label, n)), strict=True)
        names = [self.classes[number] for some in labels if some is not None for number in some.tolist()]
        return Samples.of(torch.cat(images), names, columns=n // len(self.classes) if label == "all" else None)

    def stream(
        self,
        n: int,
        label: str | int | None,
        seed: int,
        checkpoint: str | None,
        weights: str | None,
        truncation: float | None,
        steps: int,
    ) -> PictureStream:
        """Batches of pictures and labels. With `steps`: n rows, each of so many steps from one latent to another."""
        network = self.network(self.checkpoint(checkpoint), self.weights(weights))
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

    def name_of(self, checkpoint: Path) -> str:
        """`best` or `step-010000` for a checkpoint of this run; the path for a checkpoint of another run."""
        return checkpoint.stem if checkpoint.resolve().parent == self.folder.checkpoints.resolve() else str(checkpoint)

    def iteration(self, checkpoint: Path) -> int:
        """How many iterations the checkpoint's networks have seen."""
        return checkpoints.read(checkpoint)["global_step"]


@contextlib.contextmanager
def _single_precision() -> Iterator[None]:
    """Inside the block new networks are float32, whatever default a notebook has set."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
