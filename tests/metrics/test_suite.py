"""All metrics of a set of pictures, and of real pictures beside them. Features stand for pictures here."""

from pathlib import Path
from statistics import stdev

import pytest
import torch

from ganexp.metrics import suite
from ganexp.metrics.embeddings import Embeddings, Reference
from ganexp.metrics.frechet import Statistics, frechet_distance
from ganexp.metrics.monge import monge_distance
from ganexp.metrics.suite import Real, floors, full, missing_classes, noise, quick, second_opinion

FEATURES = 6


def drawn(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of two classes, which lie apart, and the classes."""
    labels = torch.arange(n) % 2
    return torch.randn(n, FEATURES, generator=torch.Generator().manual_seed(seed)) + 4 * labels[:, None], labels


def split(n: int, seed: int) -> Reference:
    features, labels = drawn(n, seed)
    probabilities = torch.eye(2)[labels]
    return Reference(features, probabilities, torch.arange(n), labels, Statistics.of(features), str(seed))


TRAIN, TEST = split(4000, 0), split(2000, 1)


def samples(features: torch.Tensor, labels: torch.Tensor, asked: torch.Tensor | None = None) -> Embeddings:
    return Embeddings(features, torch.eye(2)[labels], asked)


def measured(features: torch.Tensor, labels: torch.Tensor, asked: torch.Tensor | None = None) -> dict[str, float]:
    return full(samples(features, labels, asked), Real.of(TRAIN, TEST, len(features)), "x")


def test_fresh_draws_are_as_good_as_real_ones():
    found = measured(*drawn(2000, 2))
    assert found["fid_x"] < 0.05
    assert found["mind_x"] < measured(drawn(2000, 2)[0] * 1.5, drawn(2000, 2)[1])["mind_x"] / 30
    assert abs(found["kid_x"]) < measured(drawn(2000, 2)[0] * 1.5, drawn(2000, 2)[1])["kid_x"] / 100
    assert min(found[name] for name in ("precision", "recall", "coverage")) > 0.85
    assert found["neighbour_distance"] == pytest.approx(1, abs=0.05)
    assert found["copies"] < 0.03 and found["duplicates"] < 0.03
    assert found["modes"] == 2 and found["class_divergence"] == pytest.approx(0, abs=1e-9)


def test_memorised_pictures_are_copies_and_duplicates_although_the_distance_stays_small():
    found = measured(TRAIN.features[:200].repeat(10, 1), TRAIN.labels[:200].repeat(10))
    assert found["fid_x"] < 0.3
    assert found["copies"] == found["duplicates"] == 1
    assert found["neighbour_distance"] == pytest.approx(0, abs=1e-3)
    assert found["coverage"] < 0.7 < measured(*drawn(2000, 2))["coverage"]


def test_more_samples_than_pictures_make_no_more_duplicates():
    few = split(100, 3)
    assert quick(samples(*drawn(2000, 2)), few, "x")["duplicates"] < 0.05
    assert full(samples(*drawn(2000, 2)), Real.of(few, None, 2000), "x")["duplicates"] < 0.05


def test_far_pictures_are_no_copies():
    found = measured(TRAIN.features[:2000] + 40, TRAIN.labels[:2000])
    assert found["copies"] == 0 and found["neighbour_distance"] > 10


def test_the_distance_of_a_class_compares_its_samples_with_its_pictures():
    features, labels = drawn(2000, 2)
    found = measured(features, labels, labels)
    expected = [
        frechet_distance(Statistics.of(TRAIN.features[TRAIN.labels == c]), Statistics.of(features[labels == c]))
        for c in (0, 1)
    ]
    assert [found["fid_x/0"], found["fid_x/1"]] == expected
    assert found["fid_x/mean"] == sum(expected) / 2
    assert found["class_accuracy"] == 1
    swapped = measured(features, labels, 1 - labels)
    assert swapped["class_accuracy"] == 0 and swapped["fid_x"] == found["fid_x"] and swapped["fid_x/mean"] > 50


def test_the_constants_are_those_of_the_documentation():
    text = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text()
    assert f"k = {suite.PRDC_NEIGHBOUR}, {suite.PRDC_PICTURES:,} samples" in text
    assert f"median distance of {suite.COPY_PICTURES:,} samples" in text
    assert "one in a hundred held-out pictures is within this limit" in text and suite.CLOSE_SHARE == 0.01


def test_the_floors_are_the_metrics_of_real_pictures():
    n = 1000
    found = floors(Real.of(TRAIN, TEST, n), "x", like=samples(*drawn(n, 2), drawn(n, 2)[1]))
    assert found["fid_x"] == frechet_distance(TRAIN.statistics, Statistics.of(TEST.features[:n]))
    assert found["fid_test_x"] == frechet_distance(TEST.statistics, Statistics.of(TRAIN.features[:n]))
    assert found["class_accuracy"] == 1 and found["fid_x/mean"] > 0
    assert found["mind_x"] == monge_distance(TEST.features[:n], TRAIN.features[:n])
    assert "class_accuracy" not in floors(Real.of(TRAIN, TEST, n), "x", like=samples(*drawn(n, 2)))


def test_a_second_opinion_is_the_distances_of_other_features():
    features, _ = drawn(1000, 2)
    found = second_opinion(features, TRAIN, "y")
    assert found == {
        "fid_y": frechet_distance(TRAIN.statistics, Statistics.of(features)),
        "mind_y": monge_distance(features, TRAIN.features[:1000]),
    }
    assert found["mind_y"] == measured(*drawn(1000, 2))["mind_x"]


def test_mind_is_measured_with_more_samples_than_the_data_has_pictures():
    found = full(samples(*drawn(2000, 2)), Real.of(split(100, 3), None, 2000), "x")["mind_x"]
    assert found == monge_distance(drawn(2000, 2)[0], split(100, 3).features)


@pytest.mark.parametrize("distance", ["fid_x", "mind_x"])
def test_the_noise_is_about_what_distances_of_fresh_draws_scatter_by(distance):
    fresh = [second_opinion(drawn(1000, seed)[0] * 1.2, TRAIN, "x")[distance] for seed in range(20)]
    told = noise(drawn(1000, 30)[0] * 1.2, TRAIN, "x")[distance]
    assert stdev(fresh) / 3 < told < stdev(fresh) * 3


def test_metrics_that_need_held_out_pictures_are_left_out_without_them():
    found = full(samples(*drawn(500, 2)), Real.of(TRAIN, None, 500), "x")
    assert "fid_x" in found
    assert not {"fid_test_x", "neighbour_distance", "copies"} & found.keys()


def test_an_evaluator_that_does_not_know_the_classes_says_nothing_of_them():
    features, labels = drawn(500, 2)
    unknown = Embeddings(features, None)
    found = full(unknown, Real.of(TRAIN, TEST, 500), "x")
    known = full(samples(features, labels), Real.of(TRAIN, TEST, 500), "x")
    assert known.keys() - found.keys() == {"class_divergence", "modes", "classifier_score"}
    assert found == {name: value for name, value in known.items() if name in found}
    assert missing_classes(unknown, TRAIN) == []
    assert quick(unknown, TRAIN, "x").keys() == {"fid_x", "duplicates"}
    assert floors(Real.of(TRAIN, TEST, 500), "x", like=unknown).keys() == found.keys()
