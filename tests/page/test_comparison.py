"""Which runs stand together, and by which settings they are told apart."""

import shutil

import pytest
from past_runs import evaluation, write_run

from ganexp.page import collect
from ganexp.page.comparison import differing, groups, label, levels, number, sections, spread


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
    assert [label(group, columns) for group in found] == ["hidden=64", "hidden=256"]
    assert found[0].values("fid_mnist_cnn_v1") == [64, 65, 66]


def test_a_recipe_says_for_itself_what_it_brings_along(root):
    write_run(root / "a", "model=wgan", choices={"model": "wgan", "loss": "wasserstein"})
    write_run(root / "b", "model=vanilla")
    assert compared(root)[0] == ["model"]
    write_run(root / "c", "model=vanilla", "loss=wasserstein", choices={"loss": "wasserstein"})
    assert set(compared(root)[0]) == {"model", "loss"}


def test_where_to_log_and_what_to_resume_are_no_difference(root):
    write_run(root / "a", "logger.csv=1", "trainer.log_every_n_steps=5")
    write_run(root / "b")
    assert compared(root)[0] == []


def test_of_a_seed_that_ran_twice_the_later_run_counts(root):
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
    assert section.conclusion.startswith("hidden=9 has the lowest fid_mnist_cnn_v1, 3 ± 1.6")
    assert "p = 0.0079." in section.conclusion


def test_a_lead_within_the_noise_of_a_measurement_is_none(root):
    write_run(root / "a", "model.hidden=9", fid=1.0)
    write_run(root / "b", "model.hidden=8", fid=1.4)
    (section,) = sections(compared(root)[1])
    assert "within twice what measuring alone makes of it (0.2828), so neither leads" in section.conclusion


def test_seeds_make_the_noise_of_a_measurement_small(root):
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
    assert "Of hidden=8's 3 runs 2 are in this table." in section.conclusion


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


def test_unlike_cards_are_kept_apart_with_what_differs(root):
    write_run(root / "a", fid=1.0)
    write_run(root / "b", fid=2.0)
    write_run(root / "c", record={"evaluation": evaluation(0.5, samples=5000, evaluator_sha256="c" * 64)})
    most, other = sections(compared(root)[1])
    assert [len(group.runs) for group in most.groups] == [2] and most.differs == []
    assert other.differs == ["evaluator_sha256: aaaaaaaa… against cccccccc…", "samples: 10000 against 5000"]


def test_levels_that_are_numbers_stand_in_their_order(root):
    for value in ("1000", "0.5", "64", "null"):
        write_run(root / value, f"model.hidden={value}")
    assert levels(compared(root)[1], "model.hidden") == ["0.5", "64", "1000", "null"]


def test_numbers_are_short():
    assert [number(v) for v in (16.779106, 0.0467037, 10000.0, 1.0)] == ["16.78", "0.0467", "10,000", "1"]
    assert spread([1.0, 3.0]) == "2 ± 1.4" and spread([2.0]) == "2" and spread([0.035] * 10) == "0.035 ± 0"
    assert spread([0.0, 2**0.5 * 2]) == "1.414 ± 2.0" and spread([100.0, 300.0]) == "200 ± 141"
