"""What may be ranked against what: `ganexp.page.comparison` keeps unlike cards apart by this."""

from dataclasses import replace

import pytest

from ganexp.evaluation import Card, differences

CARD = Card("mnist_cnn_v1", "aa", "MNIST train", "bb", 10_000, "ema", 0)


def test_equal_cards_differ_in_nothing():
    assert differences(CARD, replace(CARD)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("samples", 5000), ("weights", "raw"), ("reference_sha256", "cc"), ("evaluator_sha256", "dd"), ("seed", 1)],
)
def test_what_differs_is_said(field, value):
    other = replace(CARD, **{field: value})
    assert differences(CARD, other) == [f"{field}: {getattr(CARD, field)} against {value}"]
