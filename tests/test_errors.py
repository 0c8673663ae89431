import pytest

from ganexp.errors import did_you_mean


def test_a_near_miss_is_named_before_all_that_is_known():
    assert did_you_mean("vanila", ["wgan", "vanilla"]) == "did you mean vanilla? Known: vanilla, wgan"


def test_where_nothing_is_near_all_that_is_known_is_named():
    assert did_you_mean("zebra", ["wgan", "vanilla"]) == "Known: vanilla, wgan"


@pytest.mark.parametrize(
    "typed", ["evaluate run=nowhere", "evaluator out=here", "export run=nowhere", "report root=nowhere", "sample run=x"]
)
def test_a_mistake_leaves_nothing_in_the_folder_one_is_in(type_, typed, tmp_path):
    assert type_(*typed.split()).returncode == 2
    assert not list(tmp_path.iterdir())
