"""From a configuration to objects. The only caller of Hydra's `instantiate`.

It also gives the networks what no YAML repeats, the shape of the pictures and
the number of classes, and refuses pairs of choices that cannot work.
"""

import dataclasses
from pathlib import Path
from typing import Any

import hydra
import torch
from hydra.errors import InstantiationException
from pydantic import ValidationError
from pytorch_lightning.loggers import Logger
from torch import nn

from ganexp.callbacks.figures import LINE_EVERY
from ganexp.config import Config
from ganexp.data.batches import Batches
from ganexp.data.dataset import Dataset, Pictures
from ganexp.errors import UserError, from_validation
from ganexp.gan import GAN
from ganexp.networks.discriminator import mixes_samples
from ganexp.networks.network import Network, Shape
from ganexp.regularizers import Regularizer


def instantiate(key: str, node: dict[str, Any]) -> Any:
    """The object that `node` describes; a UserError that starts with `key` if it cannot be made."""
    if "_target_" not in node:
        group, _, option = key.partition(".")
        raise UserError(f"{key}: nothing says what it is; choose it first, by {group}={option or '…'}")
    try:
        return hydra.utils.instantiate(node, _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__ or error
        if isinstance(cause, ValidationError):
            target = hydra.utils.get_class(node["_target_"])
            raise from_validation(cause, key, [f.name for f in dataclasses.fields(target)]) from None
        if isinstance(cause, UserError):
            raise cause from None
        first = str(error).splitlines()[0]
        raise UserError(f"{key}._target_={node.get('_target_')}: {first}") from error


def dataset(options: dict[str, Any]) -> Dataset:
    """The data that the `data` section of a configuration describes."""
    return instantiate("data", options)


def generator(config: Config, shape: Shape, classes: int) -> nn.Module:
    """The generator of `config`, with fresh weights, for pictures of that shape."""
    network: Network = instantiate("network", config.network)
    return network.generator(shape, classes if config.model.conditional else 0)


def loggers(config: Config, run: Path) -> list[Logger]:
    """What records the figures of the run in that folder."""
    return [instantiate(f"logger.{name}", options).open(run) for name, options in config.logger.items()]


def gan(config: Config, data: Dataset, pictures: Pictures) -> GAN:
    """The game of `config` on `pictures`; UserError for choices that do not go together."""
    if config.model.conditional and pictures.labels is None:
        raise UserError("model.conditional=true needs labels and this data has none: set model.conditional=false")
    if data.batch_size > len(pictures.images):
        raise UserError(f"data.batch_size={data.batch_size}: there are {len(pictures.images)} pictures; set it lower")
    network: Network = instantiate("network", config.network)
    loss = instantiate("loss", config.loss)
    regularizers: list[Regularizer] = [instantiate(f"regularizer.{k}", v) for k, v in config.regularizer.items()]
    optimizers = (
        instantiate("optimizer.generator", config.optimizer.generator),
        instantiate("optimizer.discriminator", config.optimizer.discriminator),
    )
    classes = len(pictures.classes) if config.model.conditional else 0
    per_sample = [name for name, r in zip(config.regularizer, regularizers, strict=True) if r.per_sample]
    try:
        generator = network.generator(pictures.shape, classes)
        discriminator = network.discriminator(pictures.shape, classes, per_sample=bool(per_sample))
    except ValueError as error:
        raise UserError(f"network: {type(network).__name__} {error}") from None
    if data.batch_size == 1 and any(
        isinstance(m, nn.BatchNorm1d) for n in (generator, discriminator) for m in n.modules()
    ):
        raise UserError("data.batch_size=1: BatchNorm needs more than one picture; type data.batch_size=2, or more")
    if per_sample and mixes_samples(discriminator):
        raise UserError(
            f"regularizer={per_sample[0]} needs a discriminator that judges each picture by itself, and BatchNorm "
            "mixes them: set network.discriminator_norm=none"
        )
    for regularizer in regularizers:
        regularizer.prepare(discriminator)

    conditions = pictures if config.model.conditional else dataclasses.replace(pictures, labels=None)

    def make_batches(device: torch.device) -> Batches:
        return Batches(conditions, data.batch_size, config.seed, device, flip=data.flip)

    return GAN(
        generator,
        discriminator,
        loss,
        regularizers,
        optimizers,
        config.train,
        config.model.latent_dim,
        make_batches,
        pauses=[
            every
            for every in (
                LINE_EVERY,
                config.trainer.log_every_n_steps,
                config.samples.every,
                config.evaluation.every,
                config.checkpoint.every,
            )
            if every
        ],
    )
