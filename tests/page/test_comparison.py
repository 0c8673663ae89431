"""Which runs form a group, what a group is called, and which groups may be ranked."""

import shutil

import pytest
from past_runs import evaluation, with_second_opinion, write_run

from ganexp.page import collect
from ganexp.page.comparison import differing, groups, levels, sections, titles


@pytest.fixture
def root(tmp_path):
    return tmp_path


def compared(root):
    runs = collect.runs(root)
    columns = differing(runs)
    return columns, groups(runs, columns)


def test_only_what_differs_is_a_column_and_runs_that_differ_in_the_seed_are_a_group(root):
    for hidden in (64, 256):
        for seed in (0, 1, 2):
            write_run(root / f"{hidden}-{seed}", f"model.hidden={hidden}", "data.n=9", seed=seed, fid=hidden + seed)
    columns, found = compared(root)
    assert columns == ["model.hidden"]  # Not network.hidden, which follows it.
    assert [group.label for group in found] == ["hidden=64", "hidden=256"]
    assert found[0].values("fid_mnist_cnn_v1") == [64, 65, 66]


def test_settings_that_follow_from_the_recipe_are_no_columns(root):
    write_run(root / "a", "model=wgan", choices={"model": "wgan", "loss": "wasserstein"})
    write_run(root / "b", "model=vanilla")
    assert compared(root)[0] == ["model"]
    write_run(root / "c", "model=vanilla", "loss=wasserstein", choices={"loss": "wasserstein"})
    assert set(compared(root)[0]) == {"model", "loss"}


def test_where_a_run_logs_is_no_difference(root):
    write_run(root / "a", "logger.csv=1", "trainer.log_every_n_steps=5")
    write_run(root / "b")
    assert compared(root)[0] == []


def test_the_later_run_of_a_seed_counts(root):
    write_run(root / "a", fid=5.0, record={"started": "2030-01-02 00:00:00"})
    write_run(root / "b", fid=9.0, record={"started": "2030-01-01 00:00:00"})
    (group,) = compared(root)[1]
    assert group.values("fid_mnist_cnn_v1") == [5.0]


def test_the_best_group_comes_first_and_its_lead_is_judged(root):
    for seed in range(5):
        write_run(root / f"good-{seed}", "model.hidden=9", seed=seed, fid=1.0 + seed)
        write_run(root / f"poor-{seed}", "model.hidden=8", seed=seed, fid=101.0 + seed)
    (section,) = sections(compared(root)[1])
    assert [group.settings["model.hidden"] for group in section.groups] == ["9", "8"]
    assert section.conclusion.startswith("hidden=9 has the lowest FID: 3.0 ± 1.6. Next is hidden=8: 103.0 ± 1.6.")
    assert "p = 0.0079 in a permutation test with 5 seeds each." in section.conclusion


def test_a_lead_within_the_noise_of_measuring_is_no_lead(root):
    write_run(root / "a", "model.hidden=9", fid=1.0)
    write_run(root / "b", "model.hidden=8", fid=1.4)
    (section,) = sections(compared(root)[1])
    assert "gap of 0.4 is within twice the noise of measuring (0.2828), so neither leads" in section.conclusion


def test_more_seeds_make_the_noise_of_measuring_smaller(root):
    for seed in range(5):
        write_run(root / f"a-{seed}", "model.hidden=9", seed=seed, fid=1.0 + seed / 1000)
        write_run(root / f"b-{seed}", "model.hidden=8", seed=seed, fid=1.4 + seed / 1000)
    (section,) = sections(compared(root)[1])
    assert "p = 0.0079" in section.conclusion


def test_runs_that_failed_are_counted_beside_those_that_are_compared(root):
    for seed in range(3):
        write_run(root / f"a-{seed}", "model.hidden=9", seed=seed, fid=1.0 + seed)
        write_run(root / f"b-{seed}", "model.hidden=8", seed=seed, fid=9.0 if seed else None)
    (section,) = sections(compared(root)[1])
    assert "Only 2 of the 3 runs of hidden=8 are in this table." in section.conclusion


def test_a_run_of_unknown_settings_joins_no_group(root):
    write_run(root / "a", "model=wgan", choices={"model": "wgan"}, fid=2.0)
    write_run(root / "b", fid=3.0)
    write_run(root / "wgan", fid=9.0)
    shutil.rmtree(root / "wgan" / ".hydra")
    assert sorted(len(group.runs) for group in compared(root)[1]) == [1, 1, 1]


def test_one_and_one_point_nought_are_one_setting(root):
    write_run(root / "a", "loss.margin=1")
    write_run(root / "b", "loss.margin=1.0", seed=1)
    assert compared(root)[0] == []


def test_unlike_cards_get_sections_that_say_what_differs(root):
    write_run(root / "a", fid=1.0)
    write_run(root / "b", fid=2.0)
    write_run(root / "c", record={"evaluation": evaluation(0.5, samples=5000, evaluator_sha256="c" * 64)})
    most, other = sections(compared(root)[1])
    assert [len(group.runs) for group in most.groups] == [2] and most.differs == []
    assert other.differs == ["evaluator_sha256: aaaaaaaa… against cccccccc…", "samples: 10000 against 5000"]


def test_numbers_among_levels_are_in_order(root):
    for value in ("1000", "0.5", "64", "null"):
        write_run(root / value, f"model.hidden={value}")
    assert levels(compared(root)[1], "model.hidden") == ["0.5", "64", "1000", "null"]


def test_a_group_is_called_by_what_sets_it_apart_and_a_run_by_its_seed_too(root):
    for loss in ("hinge", "least_squares"):
        for seed in (0, 1):
            write_run(root / f"2026-01-02_03-04-05_{loss}-{seed}", f"loss={loss}", choices={"loss": loss}, seed=seed)
    found = compared(root)[1]
    assert [group.label for group in found] == ["hinge", "least_squares"]
    assert list(titles(found).values()) == [
        "hinge, seed 0",
        "hinge, seed 1",
        "least_squares, seed 0",
        "least_squares, seed 1",
    ]


def test_with_many_differences_a_label_says_what_was_typed(root):
    for i in range(5):
        write_run(root / f"2026-01-02_03-04-05-678_{i}", *(f"data.key{k}={i}" for k in range(i)), fid=1.0)
    assert [group.label for group in compared(root)[1]] == [
        "vanilla",
        "key0=1",
        "key0=2, key1=2",
        "key0=3, key1=3, key2=3",
        "4",
    ]


def test_equal_labels_are_told_apart_by_their_folders(root):
    for name in ("a", "b"):
        write_run(root / name, "model.hidden=8", seed=0)
    (group,) = compared(root)[1]
    assert list(titles([group]).values()) == ["vanilla (a)", "vanilla (b)"]


@pytest.mark.parametrize("key", ["evaluator_knows_data", "knows_data"])
def test_a_card_may_say_that_the_evaluator_does_not_know_the_data(root, key):
    write_run(root / "known", fid=1.0)
    write_run(root / "unknown", record={"evaluation": evaluation(0.5, samples=5000, **{key: False})})
    assert [section.knows_data for section in sections(compared(root)[1])] == [True, False]


# A second opinion.


def judged(root, *measured, **card):
    """A run for each (fid, fid of the second evaluator, mind); the section that they are in."""
    for hidden, (fid, second, mind) in enumerate(measured, start=1):
        record = {"evaluation": with_second_opinion(fid, second, mind, **card)}
        write_run(root / f"{hidden}", f"model.hidden={hidden}", record=record)
    (section,) = sections(compared(root)[1])
    return section


def test_distances_that_order_runs_otherwise_are_named(root):
    section = judged(root, (1.0, 9.0, 5.0), (5.0, 3.0, 1.0), (9.0, 12.0, 9.0))
    assert section.headline == "fid_mnist_cnn_v1"
    assert section.second_opinion == (
        "Other distances do not agree with this order: hidden=2 is ahead of hidden=1 in MIND and FID by mnist_lenet_v1."
    )


def test_distances_that_order_runs_alike_are_said_to_agree(root):
    said = judged(root, (1.0, 3.0, 2.0), (5.0, 9.0, 3.0)).second_opinion
    assert said.startswith("The other distances, MIND and FID by mnist_lenet_v1, agree with this order")


def test_a_gap_within_the_noise_is_no_other_order(root):
    assert "agree with this order" in judged(root / "second", (1.0, 3.3, 2.0), (5.0, 3.0, 2.0)).second_opinion
    assert "agree with this order" in judged(root / "first", (1.0, 9.0, 9.0), (1.3, 3.0, 3.0)).second_opinion


def test_of_many_other_orders_the_first_are_told_and_the_rest_counted(root):
    said = judged(root, *((float(i), 20.0 - i, 2.0) for i in (1, 3, 5, 7))).second_opinion
    assert said.count("ahead of") == 3 and said.endswith("and so on for 3 other pairs.")


def test_a_single_run_and_runs_of_older_versions_have_no_second_opinion(root):
    assert judged(root / "one", (1.0, 3.0, 2.0)).second_opinion == ""
    for hidden in (1, 2):
        write_run(root / "old" / f"{hidden}", f"model.hidden={hidden}", fid=float(hidden))
    (section,) = sections(compared(root / "old")[1])
    assert section.second_opinion == "" and section.conclusion != ""


def test_older_runs_are_ranked_beside_those_with_a_second_opinion(root):
    write_run(root / "old", "model.hidden=9", fid=3.0)
    section = judged(root, (1.0, 3.0, 2.0), (5.0, 1.0, 2.0))
    assert [group.label for group in section.groups] == ["hidden=1", "hidden=9", "hidden=2"]
    assert section.card.second_evaluator == "mnist_lenet_v1" and "hidden=9" not in section.second_opinion
    assert section.title("fid_mnist_cnn_v1") == "FID"
    assert section.title("fid_mnist_lenet_v1") == "FID by mnist_lenet_v1"


@pytest.mark.parametrize(
    ("card", "left_out"),
    [
        ({"second_evaluator_sha256": "e" * 64}, "fid_mnist_lenet_v1"),
        ({"directions": 10}, "mind_mnist_cnn_v1"),
        ({"directions_seed": 1}, "mind_mnist_cnn_v1"),
    ],
)
def test_what_other_weights_or_directions_measured_is_not_ranked(root, card, left_out):
    write_run(root / "a", "model.hidden=1", record={"evaluation": with_second_opinion(1.0, 2.0, 3.0)})
    write_run(root / "b", "model.hidden=2", record={"evaluation": with_second_opinion(2.0, 1.0, 1.0, **card)})
    (section,) = sections(compared(root)[1])
    first, second = (group.runs[0] for group in section.groups)
    assert first.metrics.keys() - second.metrics.keys() == {left_out}
    assert any(left_out in note for note in second.notes) and first.notes == ()
