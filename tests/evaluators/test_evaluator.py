"""The evaluators that come with ganexp see what they should; others are trained by a command."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import pad

from ganexp.data.batches import Batches
from ganexp.data.dataset import Pictures
from ganexp.data.fake import Fake
from ganexp.data.image_folder import ImageFolder
from ganexp.data.mnist import MNIST
from ganexp.errors import UserError
from ganexp.evaluators import evaluator
from ganexp.evaluators import fitting as fitting_module
from ganexp.evaluators.classifier import Architecture, Residual, Whitening
from ganexp.evaluators.fitting import Fitting, _cut_out, fit
from ganexp.evaluators.lenet import LeNet
from ganexp.evaluators.training import guessing_accuracy, set_aside
from ganexp.metrics.frechet import Statistics, frechet_distance
from ganexp.metrics.neighbours import prdc

SIZES = {"mnist_cnn_v1": 500_000, "mnist_lenet_v1": 150_000, "cifar10_cnn_v6": 4_000_000, "cifar10_lenet_v1": 600_000}
ACCURACIES = {"mnist_cnn_v1": 0.994, "mnist_lenet_v1": 0.99, "cifar10_cnn_v6": 0.92, "cifar10_lenet_v1": 0.72}


@pytest.mark.parametrize("name", sorted(SIZES))
def test_an_evaluator_is_small_and_its_card_says_how_good_it_is(name):
    loaded = evaluator.load(name)
    assert (evaluator.SHIPPED / f"{name}.pt").stat().st_size <= SIZES[name]
    assert loaded.card["test_accuracy"] >= ACCURACIES[name]
    for table in (loaded.card["fid"], loaded.card["mind"]):
        assert table["noise of 0.05 of white"] < table["noise of 0.1 of white"]
        assert table["held-out pictures (floor)"] < table["the last class missing"]
        [untouched] = (distance for what, distance in table.items() if what.startswith("training pictures"))
        if (name, table) != ("cifar10_lenet_v1", loaded.card["mind"]):  # This one hardly tells the two apart.
            assert untouched < table["held-out pictures (floor)"]
        assert 2 * untouched < table["shifted by 2 pixels"]
        if name.startswith("mnist"):
            assert table["held-out pictures (floor)"] < table["shifted by 2 pixels"]
    features, probabilities = loaded.embed(torch.zeros(3, *loaded.shape, dtype=torch.uint8))
    assert features.dtype == torch.float32 and probabilities.shape == (3, 10)
    assert not any(p.requires_grad for p in loaded.network.parameters()) and not loaded.network.training


@pytest.fixture(scope="module")
def seen():
    """Features of 2,000 training pictures, and a function from a change of 2,000 held-out ones to theirs."""
    loaded, data = evaluator.load("mnist_cnn_v1"), MNIST(batch_size=64)
    train, test = data.load("train"), data.load("test")
    return loaded, loaded.embed(train.images[:2000])[0], test.images[:2000], test.labels[:2000]


def distance(seen, images):
    return frechet_distance(Statistics.of(seen[1]), Statistics.of(seen[0].embed(images)[0]))


def test_more_noise_is_farther(seen):
    images = seen[2]
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    little, more = (images.add(255 * s * noise).clamp(0, 255).byte() for s in (0.05, 0.1))
    assert distance(seen, images) < distance(seen, little) < distance(seen, more)


def test_a_missing_class_is_farther_than_real_pictures(seen):
    assert distance(seen, seen[2]) < distance(seen, seen[2][seen[3] != 9])


def test_two_pixels_are_seen(seen):
    assert 2 * distance(seen, seen[2]) < distance(seen, seen[2].roll(2, 3))


def test_coverage_falls_on_memorised_pictures(seen):
    loaded, train, images, _ = seen
    fresh = loaded.embed(images)[0]
    assert prdc(train, train[:200].repeat(10, 1)).coverage < prdc(train, fresh).coverage - 0.2


@pytest.mark.slow
def test_it_reads_as_many_held_out_digits_as_its_card_says(seen):
    right = seen[0].accuracy(MNIST(batch_size=64).load("test"))
    assert right >= 0.994 and right == pytest.approx(seen[0].card["test_accuracy"], abs=2e-4)


@pytest.mark.parametrize("name", ["cifar10_cnn_v6", "cifar10_lenet_v1"])
def test_the_card_says_that_its_pictures_went_through_jpeg(name):
    assert "JPEG" in evaluator.load(name).card["note"]


def test_the_batch_does_not_matter(seen):
    whole = seen[0].embed(seen[2][:600])[0]
    parts = torch.cat([seen[0].embed(part)[0] for part in seen[2][:600].split(77)])
    torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-4)


def test_a_file_that_is_not_what_its_card_says_is_refused(fake_evaluator, tmp_path):
    copy = tmp_path / "other.pt"
    copy.write_bytes(fake_evaluator.read_bytes()[:-1] + b"x")
    copy.with_suffix(".json").write_text(fake_evaluator.with_suffix(".json").read_text())
    with pytest.raises(UserError, match="not the file that its card describes"):
        evaluator.load(str(copy))


def test_a_file_that_could_run_code_is_refused_though_its_card_describes_it(fake_evaluator, tmp_path):
    copy = tmp_path / "other.pt"
    torch.save({"head.weight": print}, copy)
    card = json.loads(fake_evaluator.with_suffix(".json").read_text())
    card["sha256"] = hashlib.sha256(copy.read_bytes()).hexdigest()
    copy.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="does not hold the weights"):
        evaluator.load(str(copy))


def test_an_unknown_name_gets_the_near_miss():
    with pytest.raises(UserError, match="did you mean mnist_cnn_v1"):
        evaluator.load("mnist_cnn_v2")


def write_pictures(folder, counts, noise=False):
    """A folder for each class of 16x16 pictures: those of class 0 are dark, others bright, or all are noise."""
    generator = np.random.default_rng(0)
    for label, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        low, high = (0, 256) if noise else (0, 100) if label == 0 else (150, 256)
        for i in range(count):
            picture = generator.integers(low, high, size=(16, 16, 3), dtype=np.uint8)
            Image.fromarray(picture).save(folder / name / f"{i}.png")


OWN = (
    "data=image_folder",
    "data.root=pictures",
    "data.image_size=16",
    "classifier=fake",
    "classifier.recipe.batch_size=16",
    "classifier.recipe.epochs=8",
    "classifier.recipe.lr=0.02",
)


def test_the_command_trains_one_and_writes_its_card(type_, tmp_path):
    write_pictures(tmp_path / "pictures", {"dark": 60, "bright": 60})
    done = type_("evaluator", *OWN, "out=own.pt", "device=cpu")
    assert done.returncode == 0, done.stderr
    card = json.loads((tmp_path / "own.json").read_text())
    assert card["name"] == "own" and card["shape"] == [3, 16, 16] and card["test_accuracy"] == 1
    assert evaluator.load(str(tmp_path / "own.pt")).card == card
    assert card["fid"].keys() == card["mind"].keys() and card["mind"]["held-out pictures (floor)"] > 0
    assert "of the test pictures right" in done.stderr
    # A tenth of the folder's pictures is set aside. The hash is that of all of them.
    assert (
        card["data_sha256"] == ImageFolder(root=str(tmp_path / "pictures"), batch_size=4, image_size=16).load().sha256()
    )


def test_the_same_fitting_and_seed_give_the_same_weights(type_, tmp_path):
    write_pictures(tmp_path / "pictures", {"dark": 60, "bright": 60})
    for name in ("a.pt", "new/b.pt"):
        assert type_("evaluator", *OWN, f"out={name}").returncode == 0
    a, b = (torch.load(tmp_path / name, weights_only=True) for name in ("a.pt", "new/b.pt"))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_a_classifier_that_only_guesses_is_called_so_when_it_is_trained_and_when_it_measures(type_, tmp_path, caplog):
    write_pictures(tmp_path / "pictures", {"a": 60, "b": 60}, noise=True)
    done = type_("evaluator", *OWN, "out=own.pt")
    assert done.returncode == 0 and "own.pt is no better than guessing" in done.stderr
    evaluator.load(str(tmp_path / "own.pt"))
    assert "no better than guessing" in caplog.text and "its metrics say nothing" in caplog.text


def test_an_older_evaluator_that_only_guesses_is_called_so(fake_evaluator, tmp_path, caplog):
    copy = tmp_path / "other.pt"
    copy.write_bytes(fake_evaluator.read_bytes())
    card = json.loads(fake_evaluator.with_suffix(".json").read_text())
    for accuracy, told in ((0.0, True), (0.1, True), (0.5, False)):
        caplog.clear()
        copy.with_suffix(".json").write_text(json.dumps(card | {"test_accuracy": accuracy}))
        evaluator.load(str(copy))
        assert ("no better than guessing" in caplog.text) == told


def labelled(*labels):
    return Pictures(torch.zeros(len(labels), 1, 4, 4, dtype=torch.uint8), torch.tensor(labels), ("a", "b", "c"))


def test_every_class_is_learned_and_judged():
    aside, others = set_aside(labelled(*[0] * 100, *[1] * 2, *[2] * 15))
    assert aside.labels.bincount().tolist() == [10, 1, 2] and others.labels.bincount().tolist() == [90, 1, 13]
    assert torch.equal(aside.labels, set_aside(labelled(*[0] * 100, *[1] * 2, *[2] * 15))[0].labels)


def test_a_class_of_a_single_picture_cannot_be_learned_and_judged():
    with pytest.raises(UserError, match="class b has fewer than two pictures"):
        set_aside(labelled(0, 0, 0, 1, 2, 2))


def test_the_fewer_pictures_judge_the_more_of_them_must_be_right():
    assert guessing_accuracy(labelled(*[0, 1] * 5000)) == pytest.approx(0.508, abs=1e-3)
    assert guessing_accuracy(labelled(*[0, 1] * 4)) == pytest.approx(0.79, abs=0.01)
    assert guessing_accuracy(labelled(*[0] * 90, *[1] * 10)) > 0.9


def test_an_evaluator_needs_labels_and_a_name_of_weights(type_):
    for classes in (0, 1):
        done = type_("evaluator", "data=fake", f"data.classes={classes}")
        assert done.returncode == 2 and "make a subfolder for each class" in done.stderr
    assert "type out=own.pt" in type_("evaluator", "data=fake", "out=own").stderr
    assert "cannot be written" in type_("evaluator", "data=fake", "out=/dev/null/own.pt").stderr


def test_an_evaluator_s_name_is_no_word_of_a_metric_s_name(type_):
    done = type_("evaluator", *OWN, "out=test_cnn.pt")
    assert done.returncode == 2 and "out=test_cnn.pt: the name of an evaluator cannot begin with test_" in done.stderr


def test_whitened_patches_vary_alike_and_apart():
    colours = torch.tensor([[1.0, 0.9, 0.8], [0.0, 1.0, 0.9], [0.0, 0.0, 1.0]])
    pictures = torch.einsum(
        "nchw,cd->ndhw", torch.randn(200, 3, 8, 8, generator=torch.Generator().manual_seed(0)), colours
    )
    whitening = Whitening(3)
    whitening.fit(pictures)
    values, negatives = whitening(pictures).transpose(0, 1).flatten(1).chunk(2)
    torch.testing.assert_close(values, -negatives)
    covariance = values @ values.T / values.shape[1]
    assert (covariance - covariance.diag().diag()).abs().max() < 0.01
    assert covariance.diag().min() > 0.6 and covariance.diag().max() < 1


def test_gains_that_no_decay_shrinks():
    pictures = Fake(batch_size=8, n=128, image_size=32, channels=3, classes=10).load("train")
    fitting = Fitting(epochs=2, batch_size=32, lr=0.1, weight_decay=0.1, label_smoothing=0, shift=0, shift_rate=4)
    network = fit(Architecture((4, 4), pooled=True, whitened=True), fitting, pictures, False, torch.device("cpu"))
    norms = [layer for layer in network.body if isinstance(layer, torch.nn.BatchNorm2d)]
    assert all((norm.weight == 1).all() and (norm.bias != 0).all() for norm in norms)


def test_lenet_5_has_the_parameters_of_lenet_5():
    network = LeNet((6, 16, 120, 84)).network((1, 28, 28), 10)
    assert sum(p.numel() for p in network.parameters()) == 61_706
    features, logits = network(torch.zeros(3, 1, 28, 28))
    assert features.shape == (3, 120) and logits.shape == (3, 10)
    assert LeNet((2, 3, 4, 5)).network((3, 33, 12), 7)(torch.zeros(1, 3, 33, 12))[1].shape == (1, 7)
    with pytest.raises(UserError, match="12x12 pixels or more"):
        LeNet((6, 16, 120, 84)).network((1, 28, 11), 10)


@pytest.mark.parametrize("pair", [("mnist_cnn_v1", "mnist_lenet_v1"), ("cifar10_cnn_v6", "cifar10_lenet_v1")])
def test_the_two_evaluators_of_a_dataset_have_no_kind_of_activation_pooling_or_normalisation_in_common(pair):
    kinds = [{type(layer) for layer in evaluator.load(name).network.body} for name in pair]
    assert kinds[0] & kinds[1] == {torch.nn.Conv2d, torch.nn.Flatten}


def test_the_card_says_which_architecture_it_is(second_evaluator, tmp_path):
    card = json.loads(second_evaluator.with_suffix(".json").read_text())
    assert card["architecture"] == {"kind": "lenet", "widths": [2, 2, 8, 8]}
    assert evaluator.load(str(second_evaluator)).architecture == LeNet((2, 2, 8, 8))
    assert evaluator.load("mnist_cnn_v1").architecture.described()["kind"] == "convolutions"
    copy = tmp_path / "other.pt"
    copy.write_bytes(second_evaluator.read_bytes())
    card["architecture"]["kind"] = "transformer"
    copy.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="is not a card"):
        evaluator.load(str(copy))


def test_what_is_not_a_card_is_refused(fake_evaluator, tmp_path):
    copy = tmp_path / "other.pt"
    copy.write_bytes(fake_evaluator.read_bytes())
    for text in ("no json", "{}", "[]", '{"sha256": "", "architecture": {"widths": 3}}'):
        copy.with_suffix(".json").write_text(text)
        with pytest.raises(UserError, match="is not a card"):
            evaluator.load(str(copy))


@pytest.mark.slow
def test_an_evaluator_of_your_own_pictures_measures_runs(type_, tmp_path):
    write_pictures(tmp_path / "pictures", {"dark": 100, "bright": 100})
    done = type_("evaluator", *OWN, "note=noise", "out=own.pt")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "own.json").read_text())["note"] == "noise"
    game = ("network=mlp", "model.hidden=8", "trainer.max_steps=2", "trainer.accelerator=cpu", "data.batch_size=8")
    measured = ("data.evaluator=own.pt", "evaluation.every=2", "evaluation.samples=100", "evaluation.final=100")
    done = type_("train", *OWN[:3], *game, *measured, "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    assert "does not know these pictures" not in done.stderr
    final = json.loads((tmp_path / "run" / "run.json").read_text())["evaluation"]
    assert {"fid_own", "recall", "duplicates", "modes"} <= final["figures"].keys() and final["floors"] == {}
    assert not {"fid_test_own", "copies", "neighbour_distance"} & final["figures"].keys()
    assert final["card"]["reference"] == "pictures train" and "evaluator_knows_data" not in final["card"]
    done = type_("train", *OWN[:3], *game)
    assert done.returncode == 0 and "Nothing is measured" in done.stderr
    few = type_("evaluator", *OWN, "classifier.recipe.batch_size=181", "out=own.pt")
    assert few.returncode == 2 and "there are 180 pictures to learn from" in few.stderr


def test_a_cut_is_a_square_of_its_side():
    torch.manual_seed(0)
    cut = _cut_out(torch.ones(200, 1, 16, 16), 4)[:, 0] == 0
    rows, columns = cut.any(2).sum(1), cut.any(1).sum(1)
    assert rows.max() == columns.max() == 4
    assert torch.equal(cut.sum((1, 2)), rows * columns)


def test_once_trained_the_features_are_the_mean_of_two_views_a_pixel_off_in_opposite_directions():
    torch.manual_seed(0)
    network = Architecture((4, 4), pooled=False, two_views=True).network((3, 16, 16), 10)
    images = torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(network.train()(images)[0], network.body(images))
    features, _ = network.eval()(images)
    down_right = pad(images, (1, 0, 1, 0), mode="reflect")[..., :-1, :-1]
    up_left = pad(images, (0, 1, 0, 1), mode="reflect")[..., 1:, 1:]
    torch.testing.assert_close(features, (network.body(down_right) + network.body(up_left.flip(-1))) / 2)


def test_a_residual_block_is_a_third_convolution_and_a_way_past_the_last_two():
    torch.manual_seed(0)
    network = Architecture((4,), pooled=False, residual=True).network((3, 16, 16), 10).eval()
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in network.modules()) == 3
    [residual] = (layer for layer in network.body if isinstance(layer, Residual))
    torch.nn.init.zeros_(residual[-1].weight)
    maps = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(residual(maps), maps)


def test_a_picture_and_its_mirror_image_come_in_turn(monkeypatch):
    pictures = Fake(batch_size=8, n=32, image_size=32, channels=3, classes=10).load("train")
    seen = []
    monkeypatch.setattr(fitting_module, "_shifted", lambda images, reach: seen.append(images) or images)
    fitting = Fitting(epochs=2, batch_size=32, lr=0.1, weight_decay=0, label_smoothing=0, shift=0)
    for flip in (False, True):
        seen.clear()
        fit(Architecture((4, 4), pooled=True), fitting, pictures, flip, torch.device("cpu"))
        first, second = ((batch[:, None] - pictures.images / 127.5 + 1).abs().amax((2, 3, 4)) < 1e-5 for batch in seen)
        straight = first.any(0), second.any(0)
        assert torch.equal(straight[0], ~straight[1]) if flip else all(each.all() for each in straight)
        assert not flip or 8 < straight[0].sum() < 24


def test_pictures_that_are_too_small_or_moved_too_far_are_refused():
    with pytest.raises(UserError, match="3 widths need pictures of 9x9 pixels or more"):
        Architecture((2, 2, 2), pooled=True, whitened=True).network((3, 8, 8), 2)
    assert Architecture((2, 2, 2), pooled=True).network((3, 8, 8), 2)(torch.zeros(2, 3, 8, 8))[0].shape == (2, 2)
    pictures = Fake(batch_size=8, n=64, image_size=12, channels=1, classes=2).load("train")
    fitting = Fitting(epochs=1, batch_size=32, lr=0.1, weight_decay=0, label_smoothing=0, shift=12)
    with pytest.raises(UserError, match=r"classifier\.recipe\.shift=12: the pictures have sides of 12 pixels"):
        fit(LeNet((2, 2, 4, 4)), fitting, pictures, False, torch.device("cpu"))


def test_a_channel_that_is_constant_gives_finite_features():
    network = LeNet((2, 2, 4, 4)).network((3, 12, 12), 2)
    images = torch.rand(16, 3, 12, 12)
    images[:, 1] = -1
    network.scale(images)
    assert network(images)[0].isfinite().all()


def test_without_a_terminal_each_epoch_is_a_line(caplog):
    caplog.set_level("INFO", "ganexp")
    pictures = Fake(batch_size=8, n=64, image_size=12, channels=1, classes=2).load("train")
    fitting = Fitting(epochs=2, batch_size=32, lr=0.1, weight_decay=0, label_smoothing=0, shift=0)
    fit(LeNet((2, 2, 4, 4)), fitting, pictures, False, torch.device("cpu"))
    assert [message.partition(":")[0] for message in caplog.messages] == ["Epoch 1 of 2", "Epoch 2 of 2"]


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(monkeypatch, tmp_path):
    pictures = Fake(batch_size=8, n=128, image_size=32, channels=3, classes=10).load("train")
    fitting = Fitting(
        epochs=3, batch_size=32, lr=0.1, weight_decay=1e-3, label_smoothing=0, shift=2, cutout=8, average=0.9
    )

    def trained(kept, fitting=fitting):
        architecture = Architecture((4, 4), pooled=True, whitened=True)
        return fit(architecture, fitting, pictures, True, torch.device("cpu"), kept).state_dict()

    whole, kept = trained(None), tmp_path / "own.unfinished"
    with monkeypatch.context() as patch:
        batch = Batches.__getitem__

        def until_the_tenth(batches, number):
            if number == 10:
                raise KeyboardInterrupt
            return batch(batches, number)

        patch.setattr(Batches, "__getitem__", until_the_tenth)
        with pytest.raises(KeyboardInterrupt):
            trained(kept)
    assert torch.load(kept, weights_only=True)["epochs"] == 2
    with pytest.raises(UserError, match="unfinished training of other settings"):
        trained(kept, dataclasses.replace(fitting, lr=0.2))
    again = trained(kept)
    assert all(torch.equal(whole[key], again[key]) for key in whole)
