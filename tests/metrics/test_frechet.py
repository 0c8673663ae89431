"""The Fréchet distance against closed forms and other people's code."""

import pytest
import torch

from ganexp.metrics.frechet import Statistics, frechet_distance


def normal(n: int, size: int, seed: int, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return scale * torch.randn(n, size, generator=generator, dtype=torch.float64) @ mixing + shift


def with_moments(mean: torch.Tensor, covariance: torch.Tensor, n: int = 64) -> torch.Tensor:
    """Samples whose mean and covariance are exactly these."""
    x = normal(n, len(mean), seed=3)
    x = x - x.mean(0)
    whitened = torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(x.T)), x.T, upper=False).T
    return whitened @ torch.linalg.cholesky(covariance).T + mean


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    return frechet_distance(Statistics.of(a), Statistics.of(b))


def test_gaussians_of_diagonal_covariance_have_a_closed_form():
    mean_a, mean_b = torch.tensor([[0.0, 1, 2], [1, 1, -1]], dtype=torch.float64)
    a, b = torch.tensor([[1.0, 4, 9], [4, 1, 9]], dtype=torch.float64)
    expected = (mean_a - mean_b).square().sum() + (a.sqrt() - b.sqrt()).square().sum()
    found = distance(with_moments(mean_a, a.diag()), with_moments(mean_b, b.diag()))
    assert found == pytest.approx(expected.item(), abs=1e-12)


def test_equal_sets_are_at_distance_0():
    x = normal(100, 8, seed=0)
    assert distance(x, x) == pytest.approx(0, abs=1e-9)


def test_a_collapsed_set_is_at_the_distance_of_the_means_plus_the_trace():
    real = normal(100, 6, seed=0)
    collapsed = torch.full((50, 6), 0.3, dtype=torch.float64)
    expected = (real.mean(0) - 0.3).square().sum() + torch.cov(real.T).trace()
    assert distance(real, collapsed) == pytest.approx(expected.item(), rel=1e-12)


def test_the_distance_is_symmetric_and_the_statistics_of_parts_add_up():
    a, b = normal(90, 7, seed=0), normal(80, 7, seed=1, shift=0.5)
    assert distance(a, b) == pytest.approx(distance(b, a), rel=1e-10)
    in_parts = Statistics.of(a[:13]) + Statistics.of(a[13:])
    assert frechet_distance(in_parts, Statistics.of(b)) == pytest.approx(distance(a, b), rel=1e-10)


def test_scipy_once_gave_the_same():
    """scipy 1.17.1's `sqrtm` of the product of two covariances that do not commute, at means 1.5 apart."""
    i = torch.arange(1, 7, dtype=torch.float64)
    hilbert, least = 1 / (i[:, None] + i - 1) + torch.eye(6), torch.minimum(i[:, None], i)
    found = distance(with_moments(torch.zeros_like(i), hilbert), with_moments(torch.full_like(i, 1.5), least))
    assert found == pytest.approx(22.35425128069432, rel=1e-12)


def test_scipys_root_of_a_matrix_gives_the_same():
    linalg = pytest.importorskip("scipy.linalg", reason="scipy is an oracle of the extra [oracles]")
    a, b = normal(200, 10, seed=0), normal(200, 10, seed=1, scale=2, shift=0.5)
    s, t = torch.cov(a.T), torch.cov(b.T)
    root = torch.from_numpy(linalg.sqrtm((s @ t).numpy()).real)
    expected = (a.mean(0) - b.mean(0)).square().sum() + (s + t - 2 * root).trace()
    assert distance(a, b) == pytest.approx(expected.item(), rel=1e-9)


def test_torchmetrics_gives_the_same_on_the_same_features():
    fid = pytest.importorskip("torchmetrics.image.fid")

    class Pixels(torch.nn.Module):
        num_features = 12

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1).double()

    metric = fid.FrechetInceptionDistance(feature=Pixels(), input_img_size=(3, 2, 2)).set_dtype(torch.float64)
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randint(256, (2, 300, 3, 2, 2), generator=generator, dtype=torch.uint8)
    b = b // 2
    metric.update(a, real=True)
    metric.update(b, real=False)
    found = distance(a.flatten(1), b.flatten(1))
    assert found == pytest.approx(metric.compute().item(), rel=1e-6)


def test_torch_fidelity_gives_the_same_on_the_same_features():
    try:
        from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"torch-fidelity does not import: {error}")
    a, b = normal(300, 10, seed=0), normal(300, 10, seed=1, shift=0.5)
    theirs = fid_statistics_to_metric(fid_features_to_statistics(a), fid_features_to_statistics(b), verbose=False)
    assert distance(a, b) == pytest.approx(next(iter(theirs.values())), rel=1e-6)


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        Statistics.of(torch.tensor([[1.0, float("nan")]]))
