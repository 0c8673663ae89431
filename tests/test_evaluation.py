"""An evaluation as it stands in files, and which evaluations may be ranked against each other."""

import json
from dataclasses import replace

import pytest

from ganexp.evaluation import Card, Evaluation, differences

CARD = Card("mnist_cnn_v1", "aa", "MNIST train", "bb", 10_000, "ema", 0)


def test_equal_cards_differ_in_nothing():
    assert differences(CARD, replace(CARD)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("samples", 5000), ("weights", "raw"), ("reference_sha256", "cc"), ("evaluator_sha256", "dd"), ("seed", 1)],
)
def test_the_difference_of_two_cards_is_named(field, value):
    other = replace(CARD, **{field: value})
    assert differences(CARD, other) == [f"{field}: {getattr(CARD, field)} against {value}"]


def test_pictures_of_the_same_hash_are_the_same_whatever_they_are_called():
    renamed = replace(CARD, reference="digits train")
    assert renamed == CARD and differences(CARD, renamed) == []
    other = replace(renamed, reference_sha256="cc")
    assert differences(CARD, other) == [
        "reference: MNIST train against digits train",
        "reference_sha256: bb against cc",
    ]


def test_an_older_card_stands_for_an_evaluator_that_knows_the_data():
    old = {
        "evaluator": "mnist_cnn_v1",
        "evaluator_sha256": "aa",
        "reference": "MNIST train",
        "reference_sha256": "bb",
        "samples": 10_000,
        "weights": "ema",
        "seed": 0,
    }
    assert Card.from_json(old) == CARD and CARD.to_json() == old and list(CARD.to_json()) == list(old)
    unknown = replace(CARD, evaluator_knows_data=False)
    assert Card.from_json(unknown.to_json()) == unknown
    assert differences(CARD, unknown) == ["evaluator_knows_data: True against False"]


SECOND = replace(
    CARD, second_evaluator="mnist_lenet_v1", second_evaluator_sha256="ee", directions=1000, directions_seed=0
)


def test_a_second_opinion_makes_no_other_card_but_its_metrics_depend_on_it():
    assert (
        SECOND == CARD
        and hash(SECOND) == hash(CARD)
        and differences(SECOND, replace(CARD, samples=9)) == ["samples: 10000 against 9"]
    )
    assert Card.from_json(json.loads(json.dumps(SECOND.to_json()))).to_json() == SECOND.to_json() != CARD.to_json()
    for change, unlike in (
        ({"second_evaluator_sha256": "ff"}, {"fid_mnist_lenet_v1", "mind_mnist_lenet_v1"}),
        ({"directions": 10}, {"mind_mnist_cnn_v1", "mind_mnist_lenet_v1"}),
        ({"directions_seed": 1}, {"mind_mnist_cnn_v1", "mind_mnist_lenet_v1"}),
    ):
        other = replace(SECOND, **change)
        names = ("fid_mnist_cnn_v1", "mind_mnist_cnn_v1", "fid_mnist_lenet_v1", "mind_mnist_lenet_v1", "recall")
        assert {name for name in names if SECOND.conditions(name) != other.conditions(name)} == unlike


def test_what_a_card_does_not_say_is_none():
    assert Card.from_json({"evaluator": "mine"}).reference_sha256 is None


FULL = Evaluation(
    metrics={"fid_x": 1.5},
    card=CARD,
    floors={"fid_x": 0.5},
    floor_samples=100,
    noise={"fid_x": 0.1},
    classes={"0": 0.25, "1": 0.75},
    run="outputs/a",
    checkpoint="best",
    step=400,
    seconds=1.25,
    iterations=500,
)


def test_an_evaluation_that_is_written_is_read_back_unchanged():
    for evaluation in (FULL, Evaluation({"fid": 1.0}, CARD), replace(FULL, run=None, step=None, floors={})):
        assert Evaluation.from_json(json.loads(json.dumps(evaluation.to_json()))) == evaluation


def test_the_keys_of_an_evaluation_on_disk():
    assert list(FULL.to_json()) == [
        "run", "checkpoint", "step", "figures", "floors", "floor_samples", "noise", "classes", "card", "seconds",
        "iterations",
    ]  # fmt: skip
    assert list(replace(FULL, floors={}, floor_samples=0, run=None, checkpoint=None, step=None).to_json())[:3] == [
        "figures",
        "floors",
        "floor_samples",
    ]


def test_the_table_shows_real_pictures_and_noise_beside_each_metric():
    header, line, few = FULL.table().splitlines()
    assert header.split() == ["samples", "real", "noise"] and line.split() == ["fid_x", "1.5000", "0.5000", "0.1000"]
    assert "100 held-out pictures, which are all there are" in few


def test_the_table_says_that_the_evaluator_does_not_know_the_pictures():
    card = replace(CARD, reference="kmnist train", evaluator_knows_data=False)
    assert "mnist_cnn_v1 does not know these pictures (kmnist train)" in replace(FULL, card=card).table()
