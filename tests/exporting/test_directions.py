"""The latent directions of a generator, strongest first."""

import pytest
import torch
from torch import nn

from ganexp.errors import UserError
from ganexp.exporting.directions import directions


def test_the_strongest_directions_of_a_known_layer_come_first():
    layer = nn.Linear(3, 4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0, 0, 3], [1, 0, 0], [0, 0, 0], [0, 0, 0]]))
    vectors, shares = directions(nn.Sequential(layer, nn.Tanh()), 3, 2)
    torch.testing.assert_close(vectors, torch.tensor([[0.0, 0, 1], [1, 0, 0]]))
    torch.testing.assert_close(shares, torch.tensor([0.9, 0.1]))


def test_directions_are_orthonormal_and_ignore_the_features_of_the_label():
    torch.manual_seed(0)
    layer = nn.Linear(10 + 32, 64)
    vectors, _ = directions(layer, 10, 8)
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(8))
    with torch.no_grad():
        layer.weight[:, 10:] = 100
    torch.testing.assert_close(directions(layer, 10, 8)[0], vectors)


def test_a_first_layer_may_be_a_transposed_convolution():
    layer = nn.ConvTranspose2d(5, 6, 4)
    vectors, shares = directions(layer, 5, 8)
    assert vectors.shape == (5, 5) and shares.shape == (5,)
    assert shares.sum().item() == pytest.approx(1)


def test_a_network_without_such_a_layer_is_refused():
    with pytest.raises(UserError, match="take the latent"):
        directions(nn.Sequential(nn.Conv2d(8, 8, 3)), 8, 2)
