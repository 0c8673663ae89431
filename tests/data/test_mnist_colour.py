"""Digits in colours."""

import torch

from ganexp.data.mnist import MNIST
from ganexp.data.mnist_colour import LUMA, MNISTColour


def test_the_same_colours_come_at_every_load_and_on_every_machine():
    pictures = MNISTColour(batch_size=64).load("test")
    assert pictures.sha256() == "32e1af672e6f1c45ea54c4d7ceb502e59608e006e94f319dc81cb47a98304427"


def test_labels_and_splits_are_those_of_the_digits():
    digits, pictures = (source(batch_size=64).load("test") for source in (MNIST, MNISTColour))
    assert pictures.images.shape == (10_000, 3, 32, 32) and pictures.images.dtype == torch.uint8
    assert torch.equal(pictures.labels, digits.labels) and pictures.classes == digits.classes
    part = MNISTColour(batch_size=64, classes=["8", "3"]).load("test")
    assert torch.equal(part.images, pictures.images[(digits.labels == 3) | (digits.labels == 8)])


def test_every_digit_differs_from_its_background_in_brightness():
    digits, pictures = (source(batch_size=64).load("test") for source in (MNIST, MNISTColour))
    brightness = (pictures.images.float() / 255 * LUMA[:, None, None]).sum(1)
    opaque = torch.nn.functional.pad(digits.images[:, 0], (2, 2, 2, 2))
    for picture, digit in zip(brightness[:500], opaque[:500], strict=True):
        stroke, behind = picture[digit == digit.max()], picture[digit == 0]
        assert stroke.min() - behind.max() > 0.3 or behind.min() - stroke.max() > 0.3
    light = sum(picture[digit == digit.max()].mean() > 0.5 for picture, digit in zip(brightness, opaque, strict=True))
    assert 4500 < light < 5500, "half of the digits are light"


def test_hues_differ_and_a_background_fades():
    images = MNISTColour(batch_size=64).load("test").images.float()
    corners = images[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners.amax(2) - corners.amin(2)).amax(1).mean() > 30
    assert corners[:, :, 0].std(0).min() > 40
