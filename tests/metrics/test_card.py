"""Scores are ranked only if they were measured alike."""

from dataclasses import replace

import pytest

from ganexp.errors import UserError
from ganexp.metrics.card import Card, differences, rank

CARD = Card("mnist_cnn_v1", "aa", "MNIST train", "bb", 10_000, "ema", 0)


def test_scores_of_equal_cards_are_ranked():
    assert rank([("a", 2.0, CARD), ("b", 1.0, CARD)]) == [("b", 1.0), ("a", 2.0)]


@pytest.mark.parametrize(
    ("field", "value"),
    [("samples", 5000), ("weights", "raw"), ("reference_sha256", "cc"), ("evaluator_sha256", "dd"), ("seed", 1)],
)
def test_scores_of_unlike_cards_are_not_and_the_message_says_what_differs(field, value):
    other = replace(CARD, **{field: value})
    assert differences(CARD, other) == [f"{field}: {getattr(CARD, field)} against {value}"]
    with pytest.raises(UserError, match=f"{field}: .* against {value}"):
        rank([("a", 2.0, CARD), ("b", 1.0, other)])
