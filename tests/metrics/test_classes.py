"""Metrics of classes: the classifier score, and which classes are missing."""

import pytest
import torch

from ganexp.metrics.classes import classifier_score, divergence, expected, histogram, missing


def test_a_sure_classifier_of_balanced_pictures_scores_the_number_of_classes():
    assert classifier_score(torch.eye(10).repeat(5, 1)) == pytest.approx(10)


def test_an_unsure_classifier_gives_a_lower_score():
    unsure = torch.tensor([[0.9, 0.1], [0.1, 0.9]])
    assert classifier_score(unsure) == pytest.approx(2 * 0.9**0.9 * 0.1**0.1)


def test_one_class_alone_scores_1():
    assert classifier_score(torch.eye(10)[:1].repeat(5, 1)) == pytest.approx(1)


def test_no_shares_are_nearer_to_the_data_s_than_equal_ones():
    data = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64)
    assert divergence(data, data) == 0
    for shares in ([0.25, 0.25, 0.5], [0.5, 0.4, 0.1], [0.6, 0.4, 0.0], [0.0, 0.0, 1.0]):
        assert divergence(torch.tensor(shares, dtype=torch.float64), data) > 0


def test_a_class_with_almost_no_samples_is_missing():
    data = torch.full((4,), 0.25, dtype=torch.float64)
    shares = histogram(torch.tensor([0] * 50 + [1] * 48 + [2] * 2), 4)
    assert missing(shares, data, 100) == [2, 3]
    assert divergence(data, data) == pytest.approx(0)
    assert divergence(shares, data) == pytest.approx(0.6092, abs=1e-4)


def test_a_class_that_real_pictures_are_only_mistaken_for_is_not_expected():
    assert expected(torch.tensor([0.5, 0.4995, 0.0005, 0.0]), 2000) == [0, 1]


def test_a_class_that_chance_alone_may_leave_out_is_not_missing():
    data = torch.tensor([0.95, 0.05], dtype=torch.float64)
    nothing = histogram(torch.zeros(100, dtype=torch.int64), 2)
    assert missing(nothing, data, 100) == []
    assert missing(nothing, data, 200) == [1]
