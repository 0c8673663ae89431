"""From a configuration to objects, and to nothing else."""

import pytest
from conftest import chosen

from ganexp import build
from ganexp.callbacks.callback import Callback
from ganexp.data.dataset import Dataset
from ganexp.errors import UserError
from ganexp.losses import Hinge, Loss
from ganexp.networks.network import Network
from ganexp.regularizers import Regularizer

pytestmark = pytest.mark.usefixtures("hydra")


def refused(sentence: str, node: dict, kind: type = Loss, key: str = "loss") -> None:
    with pytest.raises(UserError) as refusal:
        build.instantiate(key, node, kind)
    assert sentence in str(refusal.value) and len(str(refusal.value).splitlines()) == 1


def test_an_object_is_made_of_its_class_and_its_values():
    assert build.instantiate("loss", {"_target_": "ganexp.losses.Hinge"}, Loss) == Hinge()


@pytest.fixture
def nothing_runs(monkeypatch):
    def run(*_, **__):
        raise AssertionError("a configuration has called something")

    for name in ("os.system", "os.remove", "subprocess.Popen", "subprocess.run", "builtins.eval", "builtins.exec"):
        monkeypatch.setattr(name, run)


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "subprocess.run",
        "subprocess.Popen",
        "builtins.eval",
        "builtins.print",
        "functools.partial",
        "pathlib.Path",
        "hydra.utils.instantiate",
        "torch.load",
        "ganexp.data.fake.Fake",
        "ganexp.losses.softplus",
        "ganexp.run.Run.open",
    ],
)
@pytest.mark.parametrize("kind", [Loss, Network, Regularizer, Callback])
def test_a_stored_configuration_calls_nothing_but_classes_of_its_kind(nothing_runs, target, kind):
    node = {"_target_": target, "_args_": ["touch here"]}
    refused(f"_target_={target}: ", node, kind)


@pytest.mark.parametrize(
    "hidden",
    [
        {"smoothing": {"_target_": "os.system", "command": "touch here"}},
        {"smoothing": [1, {"_target_": "os.system"}]},
        {"smoothing": {"deep": [{"deeper": {"_target_": "os.system"}}]}},
        {"_args_": [{"_target_": "os.system"}]},
        {"smoothing": {"_target_": "ganexp.losses.Hinge"}},
    ],
)
def test_no_value_inside_a_component_names_a_class(nothing_runs, hidden):
    refused("loss: only loss._target_ may name a class", {"_target_": "ganexp.losses.NonSaturating"} | hidden)


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        ({"smoothing": 0.1}, "loss: no option is chosen; type loss="),
        ({"_target_": None}, "no option is chosen"),
        ({"_target_": "ganexp.losses.Hing"}, "loss._target_=ganexp.losses.Hing: "),
        ({"_target_": "nowhere.Hinge"}, "loss._target_=nowhere.Hinge: "),
        ({"_target_": 3}, "loss._target_=3: "),
        ({"_target_": ["a", "b"]}, "loss._target_="),
        ({"_target_": "ganexp.losses.Loss"}, "loss._target_=ganexp.losses.Loss: "),
        ({"_target_": "ganexp.losses.Hinge", "_partial_": True}, "loss._partial_=true: no such key"),
        ({"_target_": "ganexp.losses.NonSaturating", "smothing": 0.1}, "did you mean smoothing?"),
        ({"_target_": "ganexp.losses.NonSaturating", "smoothing": 2}, "loss.smoothing=2: must be at most 1"),
    ],
)
def test_a_mistake_is_told_with_its_key(node, sentence):
    refused(sentence, node)


def test_a_user_s_own_module_that_cannot_be_imported_says_why(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "broken_loss.py").write_text("1 / 0\n")
    refused("it cannot be imported (ZeroDivisionError: division by zero)", {"_target_": "broken_loss.Mine"})
    (tmp_path / "empty_loss.py").touch()
    refused("AttributeError: module 'empty_loss' has no attribute 'Mine'", {"_target_": "empty_loss.Mine"})
    refused("ModuleNotFoundError: No module named 'no_such_loss'", {"_target_": "no_such_loss.Mine"})


def test_a_key_of_a_component_that_was_not_chosen_says_how_to_choose_it():
    refused("regularizer.r1: no option is chosen", {"weight": 5}, Regularizer, "regularizer.r1")
    refused("type regularizer=r1 too", {"weight": 5}, Regularizer, "regularizer.r1")


def gan(*overrides: str):
    config = chosen("data=fake", "data.n=8", "data.batch_size=2", "data.image_size=28", *overrides)
    data = build.dataset(config.data)
    return build.gan(config, data, data.load())


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["data.classes=0", "model.conditional=true"], "type model.conditional=false"),
        (["data.batch_size=16"], "data.batch_size=16: there are 8 pictures; type data.batch_size=8 or less"),
        (["data.batch_size=1", "model=r1gan"], "type data.batch_size=2, or more"),
        (["network=dcgan", "data.image_size=30"], "network: DCGAN makes square pictures"),
        (["regularizer=[r1]", "network.discriminator_norm=batch"], "set network.discriminator_norm=none"),
    ],
)
def test_choices_that_do_not_go_together_are_refused(typed, sentence):
    with pytest.raises(UserError) as refusal:
        gan(*typed)
    assert sentence in str(refusal.value)


def test_networks_that_do_not_look_at_labels_get_none():
    assert gan("model.conditional=false").batches[0][1] is None
    conditional = gan("model.conditional=true")
    assert conditional.batches[0][1] is not None and conditional.generator.num_classes == 10


def test_a_dataset_is_made_of_its_section():
    data = build.dataset(chosen("data=fake", "data.n=8").data)
    assert isinstance(data, Dataset) and len(data.load().images) == 8
