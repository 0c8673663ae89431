"""What each operation of DiffAugment does to pictures."""

import pytest
import torch

from ganexp.augment import DiffAugment, color, cutout, translation


@pytest.mark.parametrize("operation", [color, translation, cutout])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_operation_keeps_the_shape_and_lets_gradients_through(operation, channels):
    torch.manual_seed(0)
    images = torch.rand(8, channels, 16, 16, requires_grad=True)
    out = operation(images)
    assert out.shape == images.shape and not torch.equal(out, images)
    out.sum().backward()
    assert images.grad.abs().sum() > 0


def test_a_translation_moves_a_picture_and_fills_with_mid_grey():
    torch.manual_seed(0)
    images = torch.zeros(64, 1, 16, 16)
    images[:, :, 8, 8] = 1
    out = translation(images)
    assert torch.equal(out.sum((1, 2, 3)), torch.ones(64))
    places = out.flatten(1).argmax(1)
    assert set((places // 16 - 8).tolist()) == {-2, -1, 0, 1, 2} == set((places % 16 - 8).tolist())


def test_a_translation_of_mnist_reaches_as_far_as_that_of_the_authors():
    torch.manual_seed(0)
    images = torch.zeros(256, 1, 28, 28)
    images[:, :, 14, 14] = 1
    assert set((translation(images).flatten(1).argmax(1) // 28 - 14).tolist()) == set(range(-4, 5))


def test_a_cutout_hides_at_most_a_quarter():
    torch.manual_seed(0)
    hidden = (cutout(torch.ones(64, 1, 16, 16)) == 0).float().mean((1, 2, 3))
    assert hidden.max() == 0.25 and hidden.min() > 0


def test_without_operations_nothing_is_done():
    images = torch.rand(2, 1, 4, 4)
    assert DiffAugment(())(images) is images
