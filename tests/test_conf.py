"""Every YAML composes, alone and with every other choice it may meet."""

import itertools

import pytest
import torch
from hydra import compose, initialize_config_dir

from ganexp import build
from ganexp.config import CONF, parse, register_resolvers, run_name
from ganexp.data.fake import Fake
from ganexp.evaluator import TrainEvaluator
from ganexp.gan import GAN


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@pytest.fixture(scope="module", autouse=True)
def hydra():
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir())


@pytest.mark.parametrize(("group", "option"), [(g, o) for g in GROUPS for o in options(g)])
def test_every_option_composes(group, option):
    choice = f"{group}=[{option}]" if group == "regularizer" else f"{group}={option}"
    needed = ["data.root=pictures"] if option == "image_folder" else []
    if group == "classifier":
        parse(compose("evaluator", [choice]), TrainEvaluator)
    else:
        parse(compose("train", [choice, *needed]))


def built(*overrides: str, channels: int = 1, size: int = 28) -> GAN:
    config = parse(compose("train", ["model.hidden=8", *overrides]))
    data = Fake(batch_size=4, n=8, image_size=size, channels=channels, classes=10)
    return build.gan(config, data, data.load())


@pytest.mark.parametrize(
    ("recipe", "picture", "conditional"),
    list(itertools.product(options("model"), [(1, 28), (3, 32)], ["false", "true"])),
)
def test_every_recipe_builds_for_every_data(recipe, picture, conditional):
    channels, size = picture
    gan = built(f"model={recipe}", f"model.conditional={conditional}", channels=channels, size=size)
    _, labels = gan._make_batches(torch.device("cpu"), 0, 1)[0]
    assert (labels is not None) == (conditional == "true")
    assert gan.generator(torch.randn(4, gan.latent_dim), labels).shape == (4, channels, size, size)


def test_the_command_line_wins_over_the_recipe():
    config = parse(compose("train", ["model=wgan_gp", "train.n_critic=2", "loss=hinge", "network=dcgan"]))
    assert config.train.n_critic == 2
    assert config.loss["_target_"].endswith("Hinge")
    assert config.model.hidden == 64


def test_vanilla_is_the_tutorial():
    config = parse(compose("train", ["model=vanilla"]))
    data = Fake(batch_size=4, n=8, image_size=28, channels=1, classes=10)
    gan = build.gan(config, data, data.load())
    shapes = [tuple(p.shape) for p in gan.generator.parameters() if p.ndim == 2]
    assert shapes == [(256, 100), (512, 256), (1024, 512), (784, 1024)]
    shapes = [tuple(p.shape) for p in gan.discriminator.parameters() if p.ndim == 2]
    assert shapes == [(512, 784), (256, 512), (1, 256)]
    assert config.optimizer.generator["lr"] == 2e-4 and config.optimizer.generator["betas"] == [0.5, 0.999]
    assert config.trainer.max_steps == 10_000 and config.data["batch_size"] == 64


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ([], "vanilla"),
        (["model=vanilla", "model.hidden=256"], "vanilla_hidden-256"),
        (["regularizer=[r1,r2]", "seed=3", "resume=x", "data.root=/a/b"], "vanilla_-r1-r2-_seed-3"),
    ],
)
def test_a_folder_is_named_after_what_was_asked_for(typed, name):
    assert run_name("vanilla", typed) == name
