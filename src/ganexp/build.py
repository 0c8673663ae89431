"""From a configuration to objects. No other module makes an object of a `_target_`.

The networks also get what no YAML repeats: the shape of the pictures and the number of classes. Pairs of choices that
cannot work are refused.
"""

import dataclasses
import importlib
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import ValidationError
from pytorch_lightning.loggers import Logger
from torch import nn

from ganexp.callbacks.callback import Callback
from ganexp.config import Config
from ganexp.data.batches import Batches
from ganexp.data.dataset import Dataset, Pictures
from ganexp.errors import UserError, from_validation
from ganexp.gan import GAN
from ganexp.loggers import LoggerOptions
from ganexp.losses import Loss
from ganexp.networks.discriminator import mixes_samples
from ganexp.networks.generator import Generator
from ganexp.networks.layout import put_channels_last
from ganexp.networks.network import Network, Shape
from ganexp.objectives import Objectives
from ganexp.optimizers import OptimizerOptions
from ganexp.regularizers import Regularizer
from ganexp.run_folder.folder import RunFolder

T = TypeVar("T")


def instantiate(key: str, node: dict[str, Any], kind: type[T]) -> T:
    """The object that `node` describes; UserError, with `key`, if `node` describes no `kind`.

    A run's folder may come from somebody else, so a stored configuration may call only classes of the right kind.
    """
    target = node.get("_target_")
    if target is None:
        group, _, option = key.partition(".")
        raise UserError(f"{key}: no option is chosen; type {group}={option or '…'} too")
    if any("_target_" in child for child in _dicts([*node.values()])):
        raise UserError(f"{key}: only {key}._target_ may name a class, not a value inside {key}")
    found = _import(key, str(target))
    if not issubclass(found, kind):
        raise UserError(f"{key}._target_={target}: it is no {kind.__name__}; leave {key}._target_ out")
    try:
        return found(**{name: value for name, value in node.items() if name != "_target_"})
    except ValidationError as error:
        known = [field.name for field in dataclasses.fields(found)] if dataclasses.is_dataclass(found) else []
        raise from_validation(error, key, known) from None
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{key}._target_={target}: {_sentence(error)}") from error


def _import(key: str, target: str) -> type:
    """The class of a name such as `ganexp.losses.Hinge`; UserError if there is none."""
    module, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # A user's own module may raise anything.
        raise UserError(f"{key}._target_={target}: it cannot be imported ({_sentence(error)})") from error
    if not isinstance(found, type):
        raise UserError(f"{key}._target_={target}: it is no class; leave {key}._target_ out")
    return found


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _dicts(values: list[Any]) -> Iterator[dict[str, Any]]:
    """Every dict in nested lists and dicts."""
    for value in values:
        if isinstance(value, dict):
            yield value
            yield from _dicts([*value.values()])
        elif isinstance(value, list):
            yield from _dicts(value)


def dataset(options: dict[str, Any]) -> Dataset:
    """The dataset that the `data` section of a configuration describes."""
    return instantiate("data", options, Dataset)


def generator(config: Config, shape: Shape, num_classes: int) -> Generator:
    """The generator of `config`, with fresh weights, for pictures of that shape and data of that many classes."""
    network = instantiate("network", config.network, Network)
    return network.generator(shape, num_classes if config.model.conditional else 0)


def loggers(config: Config, folder: RunFolder, after: int = 0) -> list[Logger]:
    """The loggers of the run in that folder, which begins or goes on after iteration `after`."""
    options = {name: instantiate(f"logger.{name}", node, LoggerOptions) for name, node in config.logger.items()}
    return [chosen.open(folder.path, after) for chosen in options.values()]


def callbacks(config: Config) -> list[Callback]:
    """A user's own callbacks."""
    return [instantiate(f"callback.{name}", node, Callback) for name, node in config.callback.items()]


def gan(config: Config, data: Dataset, pictures: Pictures) -> GAN:
    """The GAN of `config` on `pictures`; UserError for choices that do not go together."""
    if config.model.conditional and pictures.labels is None:
        raise UserError("model.conditional=true needs labels, and the data has none: type model.conditional=false")
    if data.batch_size > len(pictures.images):
        n = len(pictures.images)
        raise UserError(f"data.batch_size={data.batch_size}: there are {n} pictures; type data.batch_size={n} or less")
    network = instantiate("network", config.network, Network)
    loss = instantiate("loss", config.loss, Loss)
    regularizers = {
        name: instantiate(f"regularizer.{name}", node, Regularizer) for name, node in config.regularizer.items()
    }
    optimizers = tuple(
        instantiate(f"optimizer.{name}", getattr(config.optimizer, name), OptimizerOptions)
        for name in ("generator", "discriminator")
    )
    num_classes = len(pictures.classes) if config.model.conditional else 0
    refusing = [name for name, regularizer in regularizers.items() if regularizer.batch_norm == "refused"]
    per_sample = any(regularizer.batch_norm != "taken" for regularizer in regularizers.values())
    try:
        generator = network.generator(pictures.shape, num_classes)
        discriminator = network.discriminator(pictures.shape, num_classes, per_sample=per_sample)
    except ValueError as error:
        raise UserError(f"network: {type(network).__name__} {error}") from None
    if data.batch_size == 1 and any(
        isinstance(m, nn.BatchNorm1d) for n in (generator, discriminator) for m in n.modules()
    ):
        raise UserError("data.batch_size=1: BatchNorm needs more than one picture; type data.batch_size=2, or more")
    if refusing and mixes_samples(discriminator):
        raise UserError(
            f"regularizer={refusing[0]} needs a discriminator that judges each picture by itself, and BatchNorm "
            "mixes them: set network.discriminator_norm=none"
        )
    for half in (generator, discriminator):
        put_channels_last(half)
    objectives = Objectives(generator, discriminator, loss, regularizers, config.train.augment)
    labelled = pictures if config.model.conditional else dataclasses.replace(pictures, labels=None)
    batches = Batches(labelled, data.batch_size, config.seed, flip=data.flip)
    return GAN(objectives, (optimizers[0], optimizers[1]), batches, config.train, config.trainer.graphs == "auto")
