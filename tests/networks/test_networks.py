"""Shapes, sizes and layers of the networks."""

import pytest
import torch
from torch import nn
from toys import mlp

from ganexp.networks.compact import Compact
from ganexp.networks.dcgan import DCGAN
from ganexp.networks.discriminator import mixes_samples
from ganexp.networks.dropout import Dropout
from ganexp.networks.mlp import MLP
from ganexp.networks.resnet import ResNet
from ganexp.processes import collectives

NETWORKS = {
    "mlp": lambda **options: mlp(latent_dim=5, **options),
    "mlp_conv": lambda **options: mlp(latent_dim=5, maps=2, generator_norm="batch", **options),
    "dcgan": lambda **options: DCGAN(hidden=4, latent_dim=5, **options),
    "resnet": lambda **options: ResNet(hidden=4, latent_dim=5, generator_norm="batch", **options),
    "compact": lambda **options: Compact(hidden=4, latent_dim=5, generator_norm="batch", **options),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 64, 64)])
@pytest.mark.parametrize("conditioning", [None, "concat", "projection", "auxiliary"])
def test_networks_fit_any_picture_with_or_without_labels(name, shape, conditioning):
    network = NETWORKS[name](**({"conditioning": conditioning} if conditioning else {}))
    classes = 10 if conditioning else 0
    labels = torch.arange(6) % 10 if conditioning else None
    images = network.generator(shape, classes)(torch.randn(6, 5), labels)
    assert images.shape == (6, *shape) and images.abs().max() <= 1
    logits, guesses = network.discriminator(shape, classes, per_sample=False)(images, labels)
    assert logits.shape == (6,)
    assert (guesses.shape == (6, 10)) if conditioning == "auxiliary" else guesses is None


def test_a_projected_label_and_the_logit_of_the_picture_start_at_one_scale():
    torch.manual_seed(0)
    network = NETWORKS["mlp"](conditioning="projection")
    discriminator = network.discriminator((1, 28, 28), 10, per_sample=True)
    features = discriminator.trunk(torch.rand(64, 1, 28, 28) * 2 - 1)
    projected = (features * discriminator.projection(torch.arange(64) % 10)).sum(1)
    assert projected.std() < 5 * (discriminator.logit(features) - discriminator.logit.bias).std()


def test_dcgan_is_as_large_as_the_papers_at_64_pixels():
    """By hand: kernels of 4x4, twice a channel for BatchNorm, and one more for our head's bias."""
    network, shape = DCGAN(hidden=128, latent_dim=100, generator_norm="batch"), (3, 64, 64)
    g = 16 * (100 * 1024 + 1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3) + 3 + 2 * (1024 + 512 + 256 + 128)
    d = 16 * (3 * 128 + 128 * 256 + 256 * 512 + 512 * 1024 + 1024) + 128 + 2 * (256 + 512 + 1024) + 1
    assert sum(p.numel() for p in network.generator(shape, 0).parameters()) == g
    assert sum(p.numel() for p in network.discriminator(shape, 0, False).parameters()) == d


def test_resnet_is_as_large_as_the_papers_at_32_pixels():
    """By hand: 256 channels in G, 128 in D, a bias in each convolution, a 1x1 one on shortcuts that change size."""
    network, shape = ResNet(hidden=256, latent_dim=128, generator_norm="batch"), (3, 32, 32)
    up = 2 * (9 * 256 * 256 + 256) + (256 * 256 + 256) + 2 * 2 * 256
    g = (128 + 1) * 16 * 256 + 3 * up + 2 * 256 + (9 * 256 * 3 + 3)
    same = 2 * (9 * 128 * 128 + 128)
    first = (9 * 3 * 128 + 128) + (9 * 128 * 128 + 128) + (3 * 128 + 128)
    d = first + (same + 128 * 128 + 128) + 2 * same + (128 + 1)
    assert sum(p.numel() for p in network.generator(shape, 0).parameters()) == g == 4_276_739
    assert sum(p.numel() for p in network.discriminator(shape, 0, False).parameters()) == d == 1_053_825


def test_compact_has_one_convolution_at_the_picture_s_size_which_is_g_s_last():
    """What makes it fast: a convolution takes as long as its output has pixels, times its channels."""
    network = Compact(hidden=4, latent_dim=5, generator_norm="batch")
    sides = []
    for half in (network.generator((3, 32, 32), 0), network.discriminator((3, 32, 32), 0, per_sample=True)):
        for layer in half.modules():
            if isinstance(layer, torch.nn.Conv2d):
                layer.register_forward_hook(lambda _layer, _given, maps: sides.append(maps.shape[-1]))
        half(torch.randn(2, 5) if not sides else torch.randn(2, 3, 32, 32))
    assert set(sides) == {4, 8, 16, 32} and sides.count(32) == 1


def test_dcgan_has_no_batch_norm_where_d_must_judge_each_picture_alone():
    network = DCGAN(hidden=4, latent_dim=5)
    assert mixes_samples(network.discriminator((1, 28, 28), 0, per_sample=False))
    assert not mixes_samples(network.discriminator((1, 28, 28), 0, per_sample=True))


@pytest.mark.parametrize("shape", [(1, 30, 30), (3, 32, 64)])
def test_dcgan_names_the_sizes_it_can_make(shape):
    with pytest.raises(ValueError, match="28, 32"):
        DCGAN(hidden=4, latent_dim=5).generator(shape, 0)


def test_dropout_drops_its_share_and_keeps_the_mean():
    torch.manual_seed(0)
    x = torch.ones(1000, 1001)
    y = Dropout(0.4)(x)
    assert abs((y == 0).float().mean() - 0.4) < 0.002
    assert abs(y.mean() - 1) < 0.003
    torch.manual_seed(0)
    assert torch.equal(y, Dropout(0.4)(x)), "torch's seed decides"
    assert torch.equal(Dropout(0.4).eval()(x), x)


@pytest.mark.parametrize("rate", [0.4, 1.0])
def test_each_of_several_processes_drops_other_features(monkeypatch, rate):
    x, dropped = torch.ones(4, 1001), []
    monkeypatch.setattr(collectives.dist, "is_initialized", lambda: True)
    monkeypatch.setattr(collectives.dist, "get_world_size", lambda: 2)
    for rank in range(2):
        monkeypatch.setattr(collectives.dist, "get_rank", lambda rank=rank: rank)
        torch.manual_seed(0)
        dropped.append(Dropout(rate)(x) == 0)
    alike = (dropped[0] == dropped[1]).double().mean()
    assert alike < 0.6 if rate < 1 else alike == 1


def test_a_layer_of_an_mlp_has_one_unit_at_least():
    network = MLP(
        hidden=1, latent_dim=5, generator_widths=(0.4,), discriminator_widths=(0.4,), conditioning="projection"
    )
    assert network.discriminator((1, 8, 8), 3, per_sample=True).logit.in_features == 1


def test_a_module_may_say_that_it_mixes_samples():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 1))
    assert not mixes_samples(network)
    network[1].mixes_samples = True
    assert mixes_samples(network)


@pytest.mark.parametrize("kind", [ResNet, Compact])
def test_residual_networks_can_have_batch_norm_in_their_discriminator(kind):
    network = kind(hidden=4, latent_dim=5, discriminator_norm="batch")
    assert mixes_samples(network.discriminator((3, 32, 32), 0, per_sample=False))
    assert not mixes_samples(kind(hidden=4, latent_dim=5).discriminator((3, 32, 32), 0, per_sample=False))
