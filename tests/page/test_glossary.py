"""Every metric has a short name, a direction and a sentence."""

import pytest

from ganexp.page.glossary import entry


@pytest.mark.parametrize(
    ("metric", "name", "arrow"),
    [
        ("fid_mnist_cnn_v1", "FID", "↓"),
        ("fid_test_mnist_cnn_v1", "FID (held-out)", "↓"),
        ("fid_mnist_cnn_v1/mean", "FID by class", "↓"),
        ("kid_mine", "KID", "↓"),
        ("mind_mnist_cnn_v1", "MIND", "↓"),
        ("recall", "recall", "↑"),
        ("duplicates", "duplicates", "≈ 0.01"),
        ("gan_train_accuracy", "GAN-train", "↑"),
    ],
)
def test_a_metric_is_known_by_the_beginning_of_its_name(metric, name, arrow):
    assert (entry(metric).name, entry(metric).arrow) == (name, arrow)


def test_an_unknown_metric_keeps_its_name():
    assert entry("my_metric").name == "my metric" and entry("my_metric").sentence == ""
