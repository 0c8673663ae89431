"""An evaluator measures pictures, and it is known whether it knows them."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from ganexp.data.fake import Fake
from ganexp.data.mnist import BUNDLED, MNIST
from ganexp.errors import UserError
from ganexp.protocols.in_domain import InDomain


def write_idx(path: Path, array: torch.Tensor) -> None:
    path.parent.mkdir(exist_ok=True)
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4) for size in array.shape)
    path.write_bytes(header + array.contiguous().numpy().tobytes())


def write_mnist(folder: Path, n: int = 300, change=lambda images: images) -> Path:
    """The first digits of MNIST, changed, in MNIST's format."""
    for split, prefix in (("train", "train"), ("test", "t10k")):
        digits = MNIST(batch_size=8).load(split)
        write_idx(folder / f"{prefix}-images-idx3-ubyte", change(digits.images[:n, 0]))
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", digits.labels[:n].byte())
    return folder


def in_domain(root: Path | None = None) -> InDomain:
    data = MNIST(batch_size=8, root=str(root) if root else None, evaluator="mnist_cnn_v1")
    return InDomain(data, data.load())


def test_it_knows_what_it_was_trained_on(fake_evaluator):
    data = Fake(batch_size=8, n=256, image_size=28, channels=1, classes=10, evaluator=str(fake_evaluator))
    assert InDomain(data, data.load()).knows_data
    other = Fake(batch_size=8, n=200, image_size=28, channels=1, classes=10, evaluator=str(fake_evaluator))
    assert not InDomain(other, other.load()).knows_data


def test_it_knows_other_pictures_whose_labels_it_finds(tmp_path):
    protocol = in_domain(write_mnist(tmp_path / "few_digits"))
    assert protocol.knows_data and protocol.reference_name == "few_digits train"
    assert protocol.card(100, "ema", 0).evaluator_knows_data


def test_of_a_part_of_the_classes_it_measures_these_classes(tmp_path):
    root = write_mnist(tmp_path / "digits")
    data = MNIST(batch_size=8, root=str(root), classes=("8", "3"), evaluator="mnist_cnn_v1")
    pictures = data.load()
    protocol = InDomain(data, pictures)
    assert protocol.knows_data and protocol.train.shares().nonzero().flatten().tolist() == [3, 8]
    samples, images = protocol.embed([(pictures.images, pictures.labels)], ("8", "3"))
    evaluation = protocol.evaluate(samples, images, "given", None)
    assert evaluation.metrics["class_accuracy"] > 0.9 and evaluation.metrics["modes"] == 2
    assert {name for name in evaluation.metrics if "/" in name} == {f"fid_mnist_cnn_v1/{k}" for k in (3, 8, "mean")}


def test_too_few_real_pictures_are_refused(fake_evaluator):
    data = Fake(batch_size=4, n=5, image_size=28, channels=1, classes=10, evaluator=str(fake_evaluator))
    with pytest.raises(UserError, match=r"at least 6 training pictures, .* has 5: .*data\.evaluator=null"):
        InDomain(data, data.load())


def test_other_names_for_the_classes_of_its_own_pictures_change_nothing(fake_evaluator):
    options = {"batch_size": 8, "n": 256, "image_size": 28, "channels": 1, "evaluator": str(fake_evaluator)}
    plain = Fake(**options, classes=10)
    named = Fake(**options, classes=10, class_names=tuple("abcdefghij"))
    pictures = named.load()
    metrics = []
    for data, names in ((plain, tuple("0123456789")), (named, pictures.classes)):
        protocol = InDomain(data, data.load())
        samples, images = protocol.embed([(pictures.images, pictures.labels)], names)
        metrics.append(protocol.evaluate(samples, images, "given", None).metrics)
    assert metrics[0] == metrics[1] and "class_accuracy" in metrics[0]


@pytest.fixture
def unlike(tmp_path) -> Path:
    """Files in MNIST's format, of pictures that are no digits: halves of digits are exchanged."""
    return write_mnist(tmp_path / "unlike", change=lambda images: images.roll((14, 9), (1, 2)).flip(2))


def test_it_does_not_know_other_pictures_in_the_same_format(unlike):
    protocol = in_domain(unlike)
    assert not protocol.knows_data and protocol.reference_name == "unlike train"
    samples, images = protocol.embed(
        [(protocol.pictures.images[:200], protocol.pictures.labels[:200])], tuple("0123456789")
    )
    assert samples.probabilities is None and samples.labels is None
    metrics, missing = protocol.quick(samples)
    assert metrics.keys() == {"fid_mnist_cnn_v1", "duplicates"} and missing == []
    evaluation = protocol.evaluate(samples, images, "given", None)
    assert not {"modes", "class_accuracy", "class_divergence", "classifier_score"} & evaluation.metrics.keys()
    assert "classes" not in evaluation.to_json() and evaluation.to_json()["card"]["evaluator_knows_data"] is False


def test_without_labels_of_its_classes_nothing_shows_that_it_knows_them(fake_evaluator):
    for classes in (0, 11):
        data = Fake(batch_size=8, n=64, image_size=28, channels=1, classes=classes, evaluator=str(fake_evaluator))
        assert not InDomain(data, data.load()).knows_data


def test_the_same_files_elsewhere_are_the_same_data(tmp_path):
    folder = tmp_path / "downloads"
    shutil.copytree(BUNDLED, folder)
    data = MNIST(batch_size=8, root=str(folder), evaluator="mnist_cnn_v1")
    protocol = InDomain(data, data.load())
    protocol.__dict__["train"] = type("Known", (), {"sha256": protocol.pictures.sha256()})()
    assert protocol.knows_data and protocol.reference_name == "MNIST train"


def test_a_run_on_unknown_pictures_is_told_so_and_hears_nothing_of_missing_classes(train, type_, unlike, tmp_path):
    run = ("data=mnist", f"data.root={unlike}", "model.hidden=8", "trainer.max_steps=4", "trainer.accelerator=cpu")
    measured = ("evaluation.every=2", "evaluation.samples=100", "evaluation.final=100", "data.batch_size=8")
    done = train(*run, *measured, "samples.every=0", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("does not know these pictures (unlike train)") == 2  # At the first look, and at the end.
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["evaluation"]["card"]["evaluator_knows_data"] is False
    assert "modes" not in record["evaluation"]["figures"] and "warnings" not in record
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert all(line["card"]["evaluator_knows_data"] is False for line in lines)
