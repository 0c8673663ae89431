"""The statistics of a few seeds."""

from itertools import permutations

import pytest

from ganexp.page.statistics import (
    beyond_noise,
    deviation,
    noise_of_gap,
    number,
    permutation_test,
    significance,
    spread,
)


def test_the_exact_test_counts_every_order_of_the_seeds():
    a, b = [1.0, 2.5, 3.0], [2.0, 4.0, 5.5, 6.0]
    orders = [(order[:3], order[3:]) for order in permutations([*a, *b])]
    gaps = [abs(sum(x) / 3 - sum(y) / 4) for x, y in orders]
    observed = abs(sum(a) / 3 - sum(b) / 4)
    assert permutation_test(a, b) == pytest.approx(sum(gap >= observed - 1e-9 for gap in gaps) / len(gaps))


def test_the_test_is_two_sided_and_equal_seeds_show_nothing():
    assert permutation_test([1, 2, 3], [7, 8, 9]) == permutation_test([7, 8, 9], [1, 2, 3]) == 2 / 20
    assert permutation_test([0.1, 0.1, 0.1], [0.1, 0.1, 0.1]) == 1


def test_many_seeds_are_split_at_random_and_p_is_never_zero():
    low, high = [float(i) for i in range(10)], [float(i) for i in range(100, 110)]
    assert permutation_test(low, high) == permutation_test(low, high) == pytest.approx(1 / 10_001, abs=3e-4)
    assert permutation_test(low, high) > 0


def test_the_spread_of_one_seed_is_not_known():
    assert deviation([3.0]) is None
    assert deviation([1.0, 3.0]) == pytest.approx(2**0.5)


@pytest.mark.parametrize(
    ("seeds", "words", "silent"),
    [
        (2, "too few seeds", "p ="),
        (3, "is a hint", "too few"),
        (4, "is a hint", "too few"),
        (5, "is probably not chance: p =", "hint"),
    ],
)
def test_the_sentence_depends_on_the_number_of_seeds(seeds, words, silent):
    sentence = significance([float(i) for i in range(seeds)], [i + 9.0 for i in range(6)])
    assert words in sentence and silent not in sentence
    assert "may be chance" in significance([float(i) for i in range(seeds)], [i + 0.5 for i in range(6)])


def test_more_seeds_have_less_noise():
    assert noise_of_gap([1.0], [2.0], once=1.0) == pytest.approx(2**0.5)
    assert noise_of_gap([1.0] * 8, [2.0] * 8, once=1.0) == pytest.approx(0.5)


def test_a_gap_says_something_beyond_twice_the_noise():
    assert beyond_noise([1.0] * 8, [2.1] * 8, once=1.0) and beyond_noise([2.1] * 8, [1.0] * 8, once=1.0)
    assert not beyond_noise([1.0] * 8, [1.9] * 8, once=1.0)


def test_numbers_are_short():
    assert [number(v) for v in (16.779106, 0.0467037, 10000.0, 1.0)] == ["16.78", "0.0467", "10,000", "1"]
    assert spread([1.0, 3.0]) == "2.0 ± 1.4" and spread([2.0]) == "2" and spread([0.035] * 10) == "0.035 ± 0"
    assert spread([0.0, 2**0.5 * 2]) == "1.4 ± 2.0" and spread([100.0, 300.0]) == "200 ± 141"
