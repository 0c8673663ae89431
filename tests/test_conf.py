"""Every YAML composes, and what it describes can be built."""

import pytest
from conftest import options
from hydra import compose
from omegaconf import OmegaConf

from ganexp import build
from ganexp.callbacks.callback import Callback
from ganexp.config import CONF, Config, parse, run_name
from ganexp.data.dataset import Dataset
from ganexp.data.fake import Fake
from ganexp.evaluator import TrainEvaluator
from ganexp.loggers import LoggerOptions
from ganexp.losses import Loss
from ganexp.networks.network import Network
from ganexp.optimizers import OptimizerOptions
from ganexp.regularizers import Regularizer

pytestmark = pytest.mark.usefixtures("hydra")

GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir())


@pytest.mark.parametrize(("group", "option"), [(g, o) for g in GROUPS for o in options(g)])
def test_every_option_composes_and_describes_what_can_be_built(group, option):
    needed = ["data.root=pictures"] if option == "image_folder" else []
    command, schema = ("evaluator", TrainEvaluator) if group == "classifier" else ("train", Config)
    composed = compose(command, [f"{group}={option}", *needed])
    parse(composed, schema)
    build_all("", OmegaConf.to_container(composed, resolve=True))


KINDS = {
    "callback": Callback,
    "classifier": object,
    "data": Dataset,
    "logger": LoggerOptions,
    "loss": Loss,
    "network": Network,
    "optimizer": OptimizerOptions,
    "regularizer": Regularizer,
}


def build_all(key: str, node) -> None:
    if isinstance(node, dict) and "_target_" in node:
        assert build.instantiate(key, node, KINDS[key.partition(".")[0]])
    elif isinstance(node, dict):
        for name, child in node.items():
            build_all(f"{key}.{name}".lstrip("."), child)


@pytest.mark.parametrize("model", options("model"))
def test_a_recipe_composes_with_colour_and_with_other_regularizers_than_its_own(model):
    config = parse(compose("train", [f"model={model}", "data=cifar10", "regularizer=[spectral_norm]"]))
    assert list(config.regularizer) == ["spectral_norm"]
    assert "_target_" in config.regularizer["spectral_norm"] and config.data["_target_"].endswith("CIFAR10")


@pytest.mark.parametrize("group", ["callback", "regularizer", "logger"])
def test_all_that_a_list_names_are_kept_each_under_its_own_name(group):
    named = [option for option in options(group) if option != "none"]
    config = compose("train", [f"{group}=[{','.join(named)}]"])
    assert set(config[group]) == set(named)


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
        (["data=image_folder", "data.evaluator='jörg~s.pt'"], "vanilla_image_folder_evaluator--j-rg-s.pt-"),
    ],
)
def test_a_folder_is_named_after_what_was_asked_for(typed, name):
    assert run_name("vanilla", typed) == name


def test_every_loss_has_its_formula_tested():
    from test_losses import FORMULAS

    assert set(options("loss")) <= FORMULAS.keys()
