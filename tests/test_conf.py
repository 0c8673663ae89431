"""Every YAML composes, and what it describes can be built."""

import dataclasses
import re
from collections.abc import Iterator

import pytest
import torch
from conftest import options
from hydra import compose
from omegaconf import OmegaConf

from ganexp import build
from ganexp.callbacks.callback import Callback
from ganexp.config import CONF, Config, Model, Trainer, parse, run_name
from ganexp.data.dataset import Dataset
from ganexp.data.fake import Fake
from ganexp.errors import UserError
from ganexp.evaluator import TrainEvaluator
from ganexp.evaluators.classifier import ClassifierOptions
from ganexp.loggers import LoggerOptions
from ganexp.losses import Loss
from ganexp.networks.network import Network
from ganexp.optimizers import OptimizerOptions
from ganexp.regularizers import Regularizer

pytestmark = pytest.mark.usefixtures("hydra")

GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name != "experiment")


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


def interpolations(node, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each key whose value holds `${…}`, and that value."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from interpolations(child, f"{prefix}{key}.")
    if isinstance(node, str) and "${" in node:
        yield prefix.rstrip("."), node


def derived_keys() -> Iterator[tuple[str, str, str, str]]:
    """Every key of `conf/` that follows from others: the group and the option that set it, the key, its value."""
    for path in sorted(CONF.rglob("*.yaml")):
        group, text = path.parent.relative_to(CONF).as_posix(), path.read_text()
        package = re.match(r"# @package (\S+)", text)
        prefix = "" if group == "." else f"{package[1]}." if package else f"{group}."
        node = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
        for key, value in interpolations(node, prefix.replace("_global_.", "")):
            yield group, path.stem, key, value


def test_a_key_that_follows_from_another_one_is_refused_when_it_is_typed_alone():
    followers = [(g, o, k, v) for g, o, k, v in derived_keys() if not k.startswith(("hydra.", "defaults."))]
    assert len(followers) == 2 * len(options("network"))
    for group, option, key, value in followers:
        source = value.strip("${}")
        with pytest.raises(UserError, match=rf"{key}=7: it follows {source}; type {source}=…"):
            parse(compose("train", [f"{group}={option}", f"{key}=7"]))


PLACES = (
    r"hydra\.(run|sweep)\.(dir|subdir)|hydra\.sweeper\.storage|hydra\.launcher\.(name|submitit_folder)|.*\.filename"
)


def test_what_follows_of_hydra_s_own_keys_says_only_where_a_run_is_kept_and_what_it_is_called():
    for _, _, key, value in derived_keys():
        if key.startswith("hydra."):
            assert re.fullmatch(PLACES, key), key
            assert not re.search(r"\$\{(?!hydra\.|now:|run_name:)", value), f"{key} follows from a key of the run"


@pytest.mark.parametrize("classifier", options("classifier"))
def test_a_classifier_that_follows_from_the_data_may_be_another_one(classifier):
    (choice,) = [value for _, option, key, value in derived_keys() if key.startswith("defaults.")]
    assert choice == "${data}"
    config = parse(compose("evaluator", ["data=fake", f"classifier={classifier}"]), TrainEvaluator)
    architecture = build.instantiate("classifier.architecture", config.classifier.architecture, ClassifierOptions)
    pictures = build.dataset(config.data).load()
    images = torch.zeros(2, *pictures.shape)
    assert architecture.network(pictures.shape, 10)(images)[1].shape == (2, 10)


def test_a_key_that_an_older_run_lacks_has_the_default_of_conf():
    composed = compose("train")
    today = parse(composed)
    OmegaConf.set_struct(composed, False)
    OmegaConf.set_struct(composed, False)
    younger = [field.name for field in dataclasses.fields(Config) if has_default(field)]
    younger += [f"trainer.{f.name}" for f in dataclasses.fields(Trainer) if has_default(f)]
    younger += [f"model.{f.name}" for f in dataclasses.fields(Model) if has_default(f)]
    for key in younger:
        section, _, name = key.rpartition(".")
        del (composed[section] if section else composed)[name]
    assert len(younger) == 8 and parse(composed) == today


def has_default(field: dataclasses.Field) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def test_every_loss_has_its_formula_tested():
    from test_losses import FORMULAS

    assert set(options("loss")) <= FORMULAS.keys()
