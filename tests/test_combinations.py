"""Every choice trains beside every other, for a few iterations on small networks."""

import dataclasses
import itertools
import re

import pytest
import torch
from conftest import chosen, options
from toys import fit

from ganexp import build
from ganexp.config import Config
from ganexp.data.fake import Fake
from ganexp.errors import UserError
from ganexp.networks.discriminator import mixes_samples

pytestmark = pytest.mark.usefixtures("hydra")


def learns(config: Config, channels: int = 1, size: int = 28, iterations: int = 2) -> bool:
    """Some iterations move D, give G gradients, and leave finite weights."""
    data = Fake(batch_size=2, n=8, image_size=size, channels=channels, classes=10)
    torch.manual_seed(0)
    gan = build.gan(config, data, data.load())
    before = torch.cat([p.detach().flatten() for p in gan.discriminator.parameters()])
    fit(gan, iterations)
    after = torch.cat([p.detach().flatten() for p in gan.discriminator.parameters()])
    generator = list(gan.generator.parameters())
    finite = all(p.isfinite().all() for p in [after, *generator])
    # Behind a D whose weights are clipped, gradients can be too small for a step of Adam's.
    return finite and not torch.equal(before, after) and any(p.grad.any() for p in generator)


def with_labels(config: Config, conditional: bool = True) -> Config:
    return dataclasses.replace(config, model=dataclasses.replace(config.model, conditional=conditional))


@pytest.mark.parametrize(
    ("recipe", "conditional", "picture"),
    [(recipe, *case) for recipe in options("model") for case in ((False, (1, 28)), (True, (3, 32)))],
)
def test_every_recipe_trains_on_digits_and_on_coloured_pictures_of_classes(recipe, conditional, picture):
    channels, size = picture
    assert learns(with_labels(chosen(f"model={recipe}"), conditional), channels, size, iterations=1)


NETWORKS = options("network")
PAIRS = list(itertools.product(enumerate(options("loss")), enumerate(r for r in options("regularizer") if r != "none")))


@pytest.mark.parametrize(
    ("loss", "regularizer", "network"),
    [(loss, regularizer, NETWORKS[(i + j) % len(NETWORKS)]) for (i, loss), (j, regularizer) in PAIRS],
)
def test_every_loss_trains_with_every_regularizer_and_each_of_them_with_every_network(loss, regularizer, network):
    config = dataclasses.replace(
        chosen(f"network={network}"),
        loss=chosen(f"loss={loss}").loss,
        regularizer=chosen(f"regularizer=[{regularizer}]").regularizer,
    )
    assert learns(config, iterations=1)


@pytest.mark.parametrize(
    ("network", "conditioning"), list(itertools.product(NETWORKS, ["concat", "projection", "auxiliary"]))
)
def test_every_network_takes_labels_in_every_way(network, conditioning):
    config = with_labels(chosen(f"network={network}"))
    assert learns(dataclasses.replace(config, network=config.network | {"conditioning": conditioning}), iterations=1)


def test_regularizers_and_aids_add_up():
    config = chosen(
        "network=dcgan",
        "regularizer=[r1,r2,gradient_penalty,spectral_norm]",
        "train.augment=[color,translation,cutout]",
        "train.n_critic=2",
        "train.clip_norm=1",
        "train.decay_from=0.5",
    )
    assert learns(config)


@pytest.mark.parametrize("regularizer", ["gradient_penalty", "r1_lazy"])
@pytest.mark.parametrize("network", ["dcgan", "resnet", "mlp"])
def test_batch_norm_in_a_penalised_discriminator_is_refused(regularizer, network):
    config = dataclasses.replace(
        chosen(f"network={network}"),
        network=chosen(f"network={network}").network | {"discriminator_norm": "batch"},
        regularizer=chosen(f"regularizer=[{regularizer}]").regularizer,
    )
    with pytest.raises(UserError, match=re.escape("network.discriminator_norm=none")):
        learns(config)


@pytest.mark.parametrize("regularizer, norms", [("weight_clip", [True, True]), ("spectral_norm", [False, True])])
def test_weight_clipping_takes_batch_norm_and_spectral_norm_only_if_it_is_asked_for(regularizer, norms):
    for norm, expected in zip(("auto", "batch"), norms, strict=True):
        config = chosen("network=dcgan", f"regularizer=[{regularizer}]", f"network.discriminator_norm={norm}")
        data = Fake(batch_size=2, n=8, image_size=28, channels=1, classes=10)
        assert mixes_samples(build.gan(config, data, data.load()).discriminator) == expected
