"""Muon's steps are orthogonal, and kernels keep their norm."""

import torch

from ganexp.metrics.muon import Muon, orthogonal


def test_singular_values_come_close_to_one_whatever_they_were():
    generator = torch.Generator().manual_seed(0)
    for shape in ((16, 36), (36, 16)):
        u, _, v = torch.linalg.svd(torch.randn(shape, generator=generator), full_matrices=False)
        matrix = u @ torch.linspace(0.2, 3, 16).diag() @ v
        values = torch.linalg.svdvals(orthogonal(matrix, iterations=5))
        assert values.min() > 0.6 and values.max() < 1.3
        # Directions stay: u and v diagonalise it as they did the matrix.
        turned = u.T @ orthogonal(matrix) @ v.T
        torch.testing.assert_close(turned, turned.diag().diag(), rtol=0, atol=1e-4)


def test_a_step_goes_down_and_leaves_the_norm_of_a_kernel():
    kernel = torch.nn.Parameter(torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(0)))
    aim = torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    optimizer = Muon([kernel], lr=0.05)

    def loss():
        return 1 - torch.cosine_similarity(kernel.flatten(), aim.flatten(), dim=0)

    before = loss().item()
    for _ in range(60):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert loss() < 0.1 * before
    assert abs(kernel.norm().item() - 8**0.5) < 0.2
