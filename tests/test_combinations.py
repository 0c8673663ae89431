"""Every choice trains beside every other, for a few iterations on small networks."""

import itertools
import re
from types import SimpleNamespace

import pytest
import torch
from conftest import options
from hydra import compose

from ganexp import build
from ganexp.config import parse
from ganexp.data.fake import Fake
from ganexp.errors import UserError
from ganexp.gan import GAN

pytestmark = pytest.mark.usefixtures("hydra")


def trained(*overrides: str, channels: int = 1, size: int = 28, iterations: int = 2) -> GAN:
    """The game of these choices after some iterations, without a trainer around it."""
    config = parse(compose("train", ["model.hidden=4", "model.latent_dim=4", *overrides]))
    data = Fake(batch_size=2, n=8, image_size=size, channels=channels, classes=10)
    torch.manual_seed(0)
    gan = build.gan(config, data, data.load())
    optimizers = gan.configure_optimizers()
    gan._trainer = SimpleNamespace(max_steps=iterations)
    gan.optimizers = lambda use_pl_optimizer: list(optimizers)
    gan.on_train_start()
    for step in range(iterations):
        gan.iterate(step)
    return gan


def learned(gan: GAN) -> bool:
    """All parameters are finite, and none is without a gradient."""
    parameters = [*gan.generator.parameters(), *gan.discriminator.parameters()]
    return all(p.isfinite().all() and p.grad is not None for p in parameters)


@pytest.mark.parametrize(
    ("recipe", "picture", "conditional"),
    list(itertools.product(options("model"), [(1, 28), (3, 32)], ["false", "true"])),
)
def test_every_recipe_trains_on_every_data_conditional_or_not(recipe, picture, conditional):
    channels, size = picture
    assert learned(
        trained(f"model={recipe}", f"model.conditional={conditional}", channels=channels, size=size, iterations=1)
    )


REGULARIZERS = [r for r in options("regularizer") if r != "none"]


@pytest.mark.parametrize(
    ("loss", "regularizer", "network"), list(itertools.product(options("loss"), REGULARIZERS, options("network")))
)
def test_every_loss_trains_with_every_regularizer_and_network(loss, regularizer, network):
    assert learned(trained(f"loss={loss}", f"regularizer=[{regularizer}]", f"network={network}", iterations=1))


@pytest.mark.parametrize(
    ("network", "conditioning"),
    list(itertools.product(options("network"), ["concat", "projection", "auxiliary"])),
)
def test_every_network_takes_labels_in_every_way(network, conditioning):
    assert learned(trained(f"network={network}", "model.conditional=true", f"network.conditioning={conditioning}"))


def test_regularizers_and_aids_add_up():
    gan = trained(
        "network=dcgan",
        "regularizer=[r1,r2,gradient_penalty,spectral_norm]",
        "train.augment=[color,translation,cutout]",
        "train.n_critic=2",
        "train.clip_norm=1",
        "train.decay_from=0.5",
    )
    assert learned(gan)


@pytest.mark.parametrize("regularizer", ["gradient_penalty", "weight_clip", "r1", "r2", "dragan"])
@pytest.mark.parametrize("network", ["dcgan", "resnet", "mlp"])
def test_batch_norm_in_a_penalised_discriminator_is_refused(regularizer, network):
    with pytest.raises(UserError, match=re.escape("network.discriminator_norm=none")):
        trained(f"network={network}", f"regularizer=[{regularizer}]", "network.discriminator_norm=batch")
