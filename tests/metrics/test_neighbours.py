"""Precision, recall, density, coverage, and nearest neighbours."""

import torch

from ganexp.metrics.neighbours import kth_distance, nearest, prdc


def cluster(n: int, at: float, seed: int) -> torch.Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(seed)) + at


def test_fakes_of_one_of_two_clusters_are_precise_and_recall_half():
    real = torch.cat((cluster(100, 0, 0), cluster(100, 50, 1)))
    found = prdc(real, cluster(200, 0, 2))
    assert found.precision > 0.9
    assert 0.4 < found.recall < 0.55
    assert 0.4 < found.coverage < 0.55


def test_fakes_that_reach_beyond_the_reals_recall_all_and_are_half_precise():
    fake = torch.cat((cluster(100, 0, 0), cluster(100, 50, 1)))
    found = prdc(cluster(200, 0, 2), fake)
    assert found.recall > 0.9
    assert 0.4 < found.precision < 0.55


def test_a_set_against_itself_is_perfect():
    x = cluster(100, 0, 0)
    found = prdc(x, x)
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)


def test_the_four_metrics_follow_their_definitions():
    real, fake = cluster(40, 0, 0), cluster(30, 0.5, 1)
    distances = torch.cdist(real, fake)
    ball_real = torch.cdist(real, real).sort(1).values[:, 3]
    ball_fake = torch.cdist(fake, fake).sort(1).values[:, 3]
    found = prdc(real, fake, k=3)
    inside = distances < ball_real[:, None]
    assert found.precision == inside.any(0).float().mean()
    assert found.density == inside.sum() / (3 * 30)
    assert found.coverage == inside.any(1).float().mean()
    assert found.recall == (distances < ball_fake).any(1).double().mean()


def test_memorised_pictures_lose_coverage_and_recall():
    real = cluster(1000, 0, 0)
    fresh, memorised = cluster(1000, 0, 1), real[:100].repeat(10, 1)
    assert prdc(real, memorised).coverage < prdc(real, fresh).coverage - 0.2
    assert prdc(real, memorised).recall < prdc(real, fresh).recall - 0.2


def test_the_nearest_is_found_with_its_distance():
    among = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    distance, index = nearest(torch.tensor([[0.0, 1.0], [3.0, 3.0]]), among)
    assert distance.tolist() == [1, 1] and index.tolist() == [0, 1]
    assert kth_distance(among, 1).tolist() == [5, 5]
