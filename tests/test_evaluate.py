"""The metrics of a run and of given pictures, as a user asks for them."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ganexp.data.dataset import Pictures
from ganexp.data.fake import Fake
from ganexp.data.mnist import MNIST
from ganexp.data.samples import read_samples
from ganexp.evaluation import Card, Evaluation, differences
from ganexp.pictures.drawing import GREY, WHITE
from ganexp.protocols import gan_train
from ganexp.protocols.in_domain import InDomain


@pytest.fixture
def finished(trained, measured):
    """A run of conditional networks, to be looked at."""
    return trained(*measured, "model.conditional=true")


@pytest.fixture
def run(finished, tmp_path):
    """The same, to be changed."""
    return shutil.copytree(finished, tmp_path / "run")


def lines(run) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_is_measured_while_it_trains_and_at_the_end(finished):
    *while_training, final = lines(finished)
    assert [line["step"] for line in while_training] == [2, 4]
    assert all("fid_fake_cnn" in line and "modes" in line and line["seconds"] > 0 for line in while_training)
    assert {line["card"]["samples"] for line in while_training} == {100}
    assert all(differences(Card.from_json(line["card"]), Card.from_json(final["card"])) for line in while_training)
    # The latents that choose the best checkpoint are not those that judge it.
    assert final["card"]["seed"] not in {line["card"]["seed"] for line in while_training}
    best = min(while_training, key=lambda line: line["fid_fake_cnn"])
    checkpoint = torch.load(finished / "checkpoints" / "best.ckpt", weights_only=True)
    assert checkpoint["global_step"] == best["step"] == final["step"]
    assert final["card"]["samples"] == 120 and final["card"]["weights"] == "ema"
    assert json.loads((finished / "run.json").read_text())["evaluation"] == final | {"iterations": 4}


def test_every_metric_stands_beside_that_of_real_pictures(finished):
    final = lines(finished)[-1]
    known = {
        "fid_fake_cnn", "fid_test_fake_cnn", "kid_fake_cnn", "precision", "recall", "density", "coverage",
        "classifier_score", "class_divergence", "modes", "neighbour_distance", "copies", "duplicates",
        "class_accuracy", "fid_fake_cnn/mean", "fid_fake_cnn/0", "fid_fake_cnn/9",
        "mind_fake_cnn", "fid_fake_lenet", "mind_fake_lenet",
    }  # fmt: skip
    assert known <= final["figures"].keys() and known <= final["floors"].keys()
    assert final["floors"]["fid_fake_cnn"] < final["figures"]["fid_fake_cnn"]
    assert final["noise"].keys() == {"fid_fake_cnn", "mind_fake_cnn", "fid_fake_lenet", "mind_fake_lenet"}
    assert sum(final["classes"].values()) == pytest.approx(1)


def test_the_second_evaluator_measures_at_the_end_alone_and_its_card_stands_in_the_card(finished, second_evaluator):
    *while_training, final = lines(finished)
    card = json.loads(second_evaluator.with_suffix(".json").read_text())
    assert final["card"]["second_evaluator_sha256"] == card["sha256"]
    assert (final["card"]["second_evaluator"], final["card"]["directions"]) == ("fake_lenet", 1000)
    assert final["card"]["directions_seed"] == 0
    assert next(iter(final["figures"])) == "fid_fake_cnn"  # The first one ranks runs and tells a sweep what is best.
    for line in while_training:
        assert not any("fake_lenet" in key or key.startswith("mind") for key in line)
        assert not {"second_evaluator", "directions"} & line["card"].keys()


def test_a_second_opinion_can_be_had_of_an_older_run_and_left_out_of_any(type_, run, second_evaluator):
    saved = run / ".hydra" / "config.yaml"
    text = saved.read_text()
    older = [line for line in text.splitlines() if "second_evaluator" not in line]
    assert len(older) == len(text.splitlines()) - 1
    saved.write_text("\n".join(older))
    for typed, measured in ((), False), ((f"data.second_evaluator={second_evaluator}",), True):
        done = type_("evaluate", "run=run", "n=120", "out=all.json", *typed)
        assert done.returncode == 0, done.stderr
        assert ("fid_fake_lenet" in json.loads((run.parent / "all.json").read_text())["figures"]) == measured
    saved.write_text(text)
    done = type_("evaluate", "run=run", "n=120", "out=all.json", "data.second_evaluator=null")
    found = json.loads((run.parent / "all.json").read_text())
    assert not any("lenet" in name for name in (*found["figures"], *found["floors"], *found["noise"], *found["card"]))
    assert "mind_fake_cnn" in found["figures"]


def test_a_second_evaluator_that_cannot_measure_is_told_of_before_the_training(train, measured, fake_evaluator):
    for second, sentence in (
        (fake_evaluator, "data.evaluator has this name already"),
        ("cifar10_cnn_v6", "data.second_evaluator=cifar10_cnn_v6 measures pictures of (3, 32, 32)"),
        ("mnist_cnn", "data.second_evaluator=mnist_cnn: no such evaluator; did you mean mnist_cnn_v1"),
    ):
        done = train(*measured, f"data.second_evaluator={second}")
        assert done.returncode == 2 and sentence in done.stderr
        assert "data.second_evaluator=null" in done.stderr or "no such evaluator" in done.stderr
        assert "Training on" not in done.stderr


def test_tensorboard_gets_the_metrics_the_neighbours_and_a_row_of_hparams(finished):
    events = EventAccumulator(str(finished), size_guidance={"tensors": 0}).Reload()
    tags = events.Tags()
    assert {"evaluation/fid_fake_cnn", "training_evaluation/fid_fake_cnn"} <= set(tags["scalars"])
    assert "evaluation/classes" in tags["histograms"]
    assert "evaluation/neighbours" in tags["tensors"]
    row = EventAccumulator(str(finished / "hparams")).Reload()
    assert any("_hparams_" in tag for tag in row.summary_metadata)
    assert "final/fid_fake_cnn" in row.Tags()["scalars"]


def test_the_sheet_of_neighbours_says_beside_each_row_whether_it_is_real(finished):
    with Image.open(finished / "samples" / "neighbours.png") as sheet:
        beside = sheet.convert("L").crop((0, 0, 45, sheet.height))
    counts = {shade: count for count, shade in beside.getcolors()}
    assert counts[GREY] > beside.width * beside.height / 2, "a row without a word begins with a picture"
    assert counts[WHITE] > 0


def test_what_is_learned_is_the_same_bits_with_and_without_evaluations(train, measured, tmp_path):
    for name, every in (("with", 2), ("without", 0)):
        varied = ("network.dropout=0.4", f"evaluation.every={every}", f"hydra.run.dir={name}")
        assert train(*measured, *varied).returncode == 0
    a, b = (
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True) for name in ("with", "without")
    )
    assert all(torch.equal(a["state_dict"][key], b["state_dict"][key]) for key in a["state_dict"])
    assert torch.equal(a["rng"]["cpu"], b["rng"]["cpu"])


def test_the_command_gives_the_run_s_own_metrics_again(type_, run):
    done = type_("evaluate", "run=run", "n=120", "out=all.json")
    assert done.returncode == 0, done.stderr
    told = [line.split() for line in done.stderr.splitlines()]
    distance = told[told.index(["samples", "real", "noise"]) + 1]
    assert distance[0] == "fid_fake_cnn" and len(distance) == 4
    again, final = json.loads((run.parent / "all.json").read_text()), lines(run)[-2]
    assert again["card"] == final["card"]
    assert again["figures"] == pytest.approx(final["figures"])
    assert final["noise"]["fid_fake_cnn"] > 0
    raw = type_("evaluate", "run=run", "n=120", "weights=raw", "checkpoint=last", "seed=3", "out=new/raw.json")
    assert raw.returncode == 0, raw.stderr
    assert json.loads((run.parent / "new" / "raw.json").read_text())["card"]["weights"] == "raw"
    assert (run / "samples" / "neighbours_raw_seed-3_last.png").is_file()
    tags = EventAccumulator(str(run)).Reload().Tags()["scalars"]
    assert "evaluation_raw_seed-3_last/fid_fake_cnn" in tags


def test_a_run_that_was_trained_without_evaluations_gets_its_own_afterwards(
    type_, trained, tiny, tmp_path, fake_evaluator
):
    typed = ("data.n=256", f"data.evaluator={fake_evaluator}", "evaluation.final=120")
    run = shutil.copytree(trained(*tiny, *typed), tmp_path / "run")
    assert not (run / "hparams").exists()
    for n in ("100", "120"):  # Only the second has the number of samples that the run would have taken itself.
        assert "evaluation" not in json.loads((run / "run.json").read_text())
        done = type_("evaluate", "run=run", f"n={n}")
        assert done.returncode == 0, done.stderr
    record = json.loads((run / "run.json").read_text())
    assert record["evaluation"]["card"]["samples"] == 120 and record["evaluation"]["iterations"] == 4
    row = EventAccumulator(str(run / "hparams")).Reload()
    assert any("_hparams_" in tag for tag in row.summary_metadata)


def test_a_run_that_cannot_be_written_is_measured_all_the_same(type_, run):
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").mkdir()
    done = type_("evaluate", "run=run", "n=120", "out=all.json")
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert done.stderr.count("is not kept in the run's folder") == 1
    evaluation = Evaluation.from_json(json.loads((run.parent / "all.json").read_text()))
    assert evaluation.card.samples == 120 and evaluation.step is not None


def test_metrics_of_another_evaluator_are_not_the_run_s_own(type_, run, fake_evaluator, tmp_path):
    before = json.loads((run / "run.json").read_text())["evaluation"]
    for suffix in (".pt", ".json"):
        shutil.copy(fake_evaluator.with_suffix(suffix), tmp_path / f"other{suffix}")
    card = json.loads((tmp_path / "other.json").read_text())
    (tmp_path / "other.json").write_text(json.dumps(card | {"name": "other"}))
    assert type_("evaluate", "run=run", "n=120", "data.evaluator=other.pt").returncode == 0
    assert type_("evaluate", "run=run", "n=120", "data.n=200").returncode == 0
    assert json.loads((run / "run.json").read_text())["evaluation"] == before
    tags = EventAccumulator(str(run)).Reload().Tags()["scalars"]
    assert "evaluation_other/recall" in tags and any(tag.startswith("evaluation_data-") for tag in tags)


def test_metrics_of_another_run_s_checkpoint_are_not_the_run_s_own(type_, run, trained, measured):
    before = (run / "run.json").read_text()
    other = trained(*measured, "model.conditional=true", "seed=1") / "checkpoints" / "best.ckpt"
    assert type_("evaluate", "run=run", "n=120", f"checkpoint={other}").returncode == 0
    assert (run / "run.json").read_text() == before
    assert (run / "samples" / "neighbours_best.png").is_file()


def test_metrics_of_an_unfinished_run_are_not_its_final_ones(type_, run):
    record = json.loads((run / "run.json").read_text()) | {"status": "interrupted"}
    (run / "run.json").write_text(json.dumps(record))
    assert type_("evaluate", "run=run", "n=120").returncode == 0
    assert json.loads((run / "run.json").read_text()) == record


def test_the_table_says_how_many_real_pictures_there_were_if_there_are_more_samples(type_, run):
    done = type_("evaluate", "run=run", "n=300", "out=all.json")
    held_out = json.loads((run.parent / "all.json").read_text())["floor_samples"]
    assert held_out < 300 and f"measured on {held_out} held-out pictures" in done.stderr


def test_classes_are_asked_for_as_often_as_the_data_has_them():
    data = MNIST(batch_size=64, evaluator="mnist_cnn_v1")
    protocol = InDomain(data, data.load())
    asked = protocol.labels_at(protocol.pictures.classes)(0, 60_000, 10)
    assert torch.equal(asked.bincount(), protocol.pictures.labels.bincount())
    assert protocol.labels_at(("cat", "dog"))(0, 4, 2).tolist() == [0, 1, 0, 1]


def test_a_score_does_not_depend_on_batches_nor_on_the_order_of_the_pictures(fake_evaluator):
    data = Fake(batch_size=8, n=256, image_size=28, channels=1, classes=10, evaluator=str(fake_evaluator))
    pictures = data.load()
    protocol, held_out = InDomain(data, pictures), data.load("test")

    def figures(size: int, order: torch.Tensor) -> dict[str, float]:
        torch.manual_seed(size)
        batches = zip(held_out.images[order].split(size), held_out.labels[order].split(size), strict=True)
        samples, images = protocol.embed(batches, pictures.classes)
        return protocol.evaluate(samples, images, "given", None).metrics

    ordered = torch.arange(len(held_out.images))
    whole = figures(len(ordered), ordered)
    assert figures(7, ordered) == pytest.approx(whole, rel=1e-4, abs=1e-9)
    assert figures(10, ordered.flip(0)) == pytest.approx(whole, rel=1e-4, abs=1e-9)


def test_another_data_s_classes_are_not_taken_for_one_s_own(type_, run):
    done = type_("evaluate", "run=run", "n=120", "data.classes=5", "out=all.json")
    assert done.returncode == 0, done.stderr
    assert "class_accuracy" not in json.loads((run.parent / "all.json").read_text())["figures"]
    done = type_("evaluate", "run=run", "n=120", "data.classes=5", "gan_train=true")
    assert done.returncode == 2 and "the data's classes" in done.stderr


def test_a_file_that_is_no_checkpoint_of_the_run_is_refused(type_, trained, tiny, run):
    (run / "half.ckpt").write_bytes((run / "checkpoints" / "last.ckpt").read_bytes()[:1000])
    other = trained(*tiny, "model.latent_dim=3") / "checkpoints" / "last.ckpt"
    for named, sentence in (
        ("half.ckpt", "not a whole checkpoint"),
        ("run.json", "not a whole checkpoint"),
        (other, "not those of run"),
    ):
        done = type_("evaluate", "run=run", "n=120", f"checkpoint={named}")
        assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_several_runs_are_measured_by_one_command(type_, run):
    done = type_("evaluate", "-m", "run=run,run", "n=110,120")
    assert done.returncode == 0, done.stderr
    assert [line["card"]["samples"] for line in lines(run)[-4:]] == [110, 120, 110, 120]


def test_every_class_is_measured_although_the_pictures_are_sorted_by_class(tmp_path):
    labels = np.arange(400) // 200
    pictures = np.broadcast_to(labels[:, None, None, None] * 255, (400, 4, 4, 1)).astype(np.uint8)
    np.savez(tmp_path / "sorted.npz", pictures, labels)
    (tmp_path / "folder").mkdir()
    for i, picture in enumerate(pictures):
        Image.fromarray(picture[:, :, 0]).save(tmp_path / "folder" / f"{i:03d}.png")
    images, chosen = read_samples(tmp_path / "sorted.npz", 200, (1, 4, 4))
    assert 70 < chosen.sum() < 130 and torch.equal(images[:, 0, 0, 0] // 255, chosen)
    again, _ = read_samples(tmp_path / "folder", 200, (1, 4, 4))
    assert torch.equal(images, again)


def test_another_number_of_samples_chooses_the_best_anew(train, run):
    before = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["global_step"]
    done = train("resume=run", "evaluation.samples=110", "trainer.max_steps=6")
    assert done.returncode == 0, done.stderr
    assert "best.ckpt is chosen again" in done.stderr
    assert before < torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["global_step"] == 6


def test_a_run_that_nothing_measured_may_be_measured_from_its_resume_on(train, trained, tiny, tmp_path, fake_evaluator):
    run = shutil.copytree(trained(*tiny), tmp_path / "run")
    measured = (f"data.evaluator={fake_evaluator}", "evaluation.every=2", "evaluation.samples=100")
    done = train("resume=run", "trainer.max_steps=6", *measured, "evaluation.final=100")
    assert done.returncode == 0, done.stderr
    assert [line["step"] for line in lines(run)] == [6, 6]


def test_a_run_is_not_compared_with_pictures_of_another_shape(type_, run):
    done = type_(
        "evaluate",
        "run=run",
        "data=fake",
        "data.evaluator=cifar10_cnn_v6",
        "data.n=200",
        "data.image_size=32",
        "data.channels=3",
    )
    assert done.returncode == 2 and "cannot be compared" in done.stderr


def test_gan_train_is_the_accuracy_of_a_classifier_of_samples(type_, run):
    done = type_("evaluate", "run=run", "n=120", "gan_train=true", "seed=1", "out=all.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((run.parent / "all.json").read_text())["figures"]["gan_train_accuracy"] < 0.5  # It is noise.


def test_gan_train_needs_a_batch_of_samples(type_, trained, measured, fake_evaluator, tmp_path):
    for suffix in (".pt", ".json"):
        shutil.copy(fake_evaluator.with_suffix(suffix), tmp_path / f"hungry{suffix}")
    card = json.loads((tmp_path / "hungry.json").read_text())
    card["recipe"]["batch_size"] = 128
    (tmp_path / "hungry.json").write_text(json.dumps(card))
    typed = (f"run={trained(*measured, 'model.conditional=true')}", "n=120", "data.evaluator=hungry.pt")
    done = type_("evaluate", *typed, "gan_train=true")
    assert done.returncode == 2 and "batches of 128" in done.stderr and "n=120" in done.stderr


@pytest.mark.slow
def test_gan_train_is_high_for_real_digits_and_low_for_wrong_labels():
    data = MNIST(batch_size=64, evaluator="mnist_cnn_v1")
    pictures = data.load()
    some = Pictures(pictures.images[:4000], pictures.labels[:4000], pictures.classes)
    wrong = dataclasses.replace(some, labels=(some.labels + 1) % 10)
    evaluator, held_out = InDomain(data, pictures).evaluator, data.load("test")
    assert gan_train.accuracy(evaluator, some, held_out, flip=False) > 0.9
    assert gan_train.accuracy(evaluator, wrong, held_out, flip=False) < 0.1


def test_gan_train_needs_classes(type_, trained, tiny, fake_evaluator):
    typed = ("data.n=256", f"data.evaluator={fake_evaluator}", "gan_train=true")
    done = type_("evaluate", f"run={trained(*tiny)}", "n=120", *typed)
    assert done.returncode == 2 and "is not conditional" in done.stderr


@pytest.fixture
def data(fake_evaluator) -> list[str]:
    return ["data=fake", "data.n=256", "data.image_size=28", "data.channels=1", f"data.evaluator={fake_evaluator}"]


def test_anybody_s_pictures_are_measured_alike(type_, data, tmp_path):
    generator = np.random.default_rng(0)
    pictures = generator.integers(256, size=(150, 28, 28, 1), dtype=np.uint8)
    np.savez(tmp_path / "theirs.npz", pictures, generator.integers(10, size=150))
    (tmp_path / "folder").mkdir()
    for i, picture in enumerate(pictures):
        Image.fromarray(picture[:, :, 0]).save(tmp_path / "folder" / f"{i:03d}.png")
    for samples in ("theirs.npz", "folder"):
        done = type_("evaluate", *data, f"samples={samples}", f"out={samples}.json")
        assert done.returncode == 0, done.stderr
    a, b = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("theirs.npz", "folder"))
    assert a["card"] == b["card"] and a["card"]["weights"] == "given"
    assert a["figures"]["fid_fake_cnn"] == pytest.approx(b["figures"]["fid_fake_cnn"])
    assert "class_accuracy" in a["figures"] and "class_accuracy" not in b["figures"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ([], "run=outputs/…"),
        (["run=nowhere"], "not a run's folder"),
        (["samples=x.npz"], "add data=mnist"),
        (["run=nowhere", "n=3"], "n=3"),
        (["run=nowhere", "out=all"], "type out=all.json"),
        (["run=nowhere", "weight=raw"], "did you mean weights"),
        (["run=nowhere", "device=mps"], "type device=cpu"),
        (["run=nowhere", "protocol=official", "n=1000"], "leave n= out"),
    ],
)
def test_a_mistake_gets_a_sentence(type_, typed, sentence):
    done = type_("evaluate", *typed)
    assert done.returncode == 2
    assert sentence in done.stderr and "Traceback" not in done.stderr


def test_pictures_that_cannot_be_measured_are_refused(type_, data, tmp_path):
    np.savez(tmp_path / "wide.npz", np.zeros((9, 32, 32, 3), np.uint8))
    np.savez(tmp_path / "float.npz", np.zeros((9, 28, 28, 1), np.float32))
    np.save(tmp_path / "array.npy", np.zeros((100, 28, 28, 1), np.uint8))
    (tmp_path / "broken.npz").write_bytes(b"no zip")
    (tmp_path / "empty.npz").touch()
    (tmp_path / "empty").mkdir()
    np.savez(tmp_path / "labels.npz", np.zeros((100, 28, 28, 1), np.uint8), np.arange(100) % 10 + 1)
    np.savez(tmp_path / "few.npz", np.zeros((99, 28, 28, 1), np.uint8))
    for name, sentence in (
        ("few", "too few"),
        ("wide", "never resized"),
        ("float", "not uint8"),
        ("broken", "arr_0"),
        ("array.npy", "arr_0"),
        ("empty", "arr_0"),
        ("./empty", "no pictures"),
        ("labels", "go from 1 to 10"),
        ("none", "none"),
    ):
        done = type_("evaluate", *data, f"samples={name}" if "." in name else f"samples={name}.npz")
        assert done.returncode == 2 and sentence in done.stderr, done.stderr
    done = type_("evaluate", "data=fake", "samples=wide.npz")
    assert done.returncode == 2 and "data.evaluator is not set" in done.stderr
    done = type_("evaluate", *data, "protocol=official", "samples=wide.npz")
    assert done.returncode == 2 and "protocol=official compares with CIFAR-10" in done.stderr
