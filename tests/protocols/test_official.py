"""The official protocol, by torch-fidelity's own code."""

import json
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest
import torch

from ganexp.data.cifar10 import CIFAR10
from ganexp.errors import UserError
from ganexp.protocols import official
from ganexp.protocols.official import EXTRACTORS, Official
from ganexp.run import Run

try:
    from torch_fidelity import FeatureExtractorBase, register_feature_extractor
except (ImportError, RuntimeError) as error:  # torchvision beside another build of torch: RuntimeError
    FeatureExtractorBase, why = object, f"torch-fidelity does not import: {error}"
else:
    why = ""

needs_torch_fidelity = pytest.mark.skipif(bool(why), reason=why)


class Pixels(FeatureExtractorBase):
    """Means of a picture's channels and quarters, in the place of Inception."""

    def __init__(self, name, features_list, **kwargs):
        super().__init__(name, features_list)

    @staticmethod
    def get_provided_features_list():
        return ("means",)

    @staticmethod
    def get_default_feature_layer_for_metric(metric):
        return "means"

    @staticmethod
    def can_be_compiled():
        return False

    @staticmethod
    def get_dummy_input_for_compile():
        return torch.zeros(1, 3, 4, 4, dtype=torch.uint8)

    def forward(self, images):
        return (torch.nn.functional.avg_pool2d(images.float(), 2).flatten(1),)


def pictures(seed: int) -> torch.Tensor:
    return torch.randint(256, (300, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@needs_torch_fidelity
def test_pictures_go_through_torch_fidelity():
    register_feature_extractor("test-pixels", Pixels)
    reference = official.TensorPictures(pictures(0))
    options = {"feature_extractor": "test-pixels", "isc": False, "kid_subset_size": 100, "cuda": False}
    same = official.measure(pictures(0), reference, **options)
    other = official.measure(pictures(1) // 2, reference, **options)
    assert same["frechet_inception_distance"] == pytest.approx(0, abs=1e-3)
    assert other["frechet_inception_distance"] > 100
    assert other["precision"] < same["precision"] == 1
    assert other["kernel_inception_distance_mean"] > 10 * abs(same["kernel_inception_distance_mean"])


@pytest.mark.parametrize("extractor", EXTRACTORS)
@pytest.mark.parametrize("error", [URLError("no route"), RuntimeError("invalid hash value")])
def test_weights_that_cannot_be_had_get_one_sentence(monkeypatch, error, extractor):
    def calculate_metrics(**options):
        raise error

    monkeypatch.setattr(official, "_torch_fidelity", lambda: SimpleNamespace(calculate_metrics=calculate_metrics))
    network = EXTRACTORS[extractor]
    with pytest.raises(UserError, match=rf"protocol=official: .*weights of {network} .*type protocol=in_domain"):
        official.measure(pictures(0), feature_extractor=network)


@needs_torch_fidelity
def test_torch_fidelity_has_the_extractors_and_only_inception_has_classes():
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY as known

    for network in EXTRACTORS.values():
        layers = [known[network].get_default_feature_layer_for_metric(metric) for metric in ("fid", "kid", "prc")]
        assert len({*layers}) == 1
        apart = known[network].get_default_feature_layer_for_metric("isc") != layers[0]
        assert apart == (network == EXTRACTORS["inception"])


@pytest.mark.parametrize(
    ("extractor", "told"),
    [
        ("inception", ["frechet_inception_distance", "kernel_inception_distance_mean", "precision_inception"]),
        ("dinov2", ["frechet_distance_dinov2", "kernel_distance_mean_dinov2", "precision_dinov2"]),
        ("clip", ["frechet_distance_clip", "kernel_distance_mean_clip", "precision_clip"]),
    ],
)
def test_names_and_cards_tell_the_extractor_so_that_extractors_are_never_compared(monkeypatch, extractor, told):
    found = {"frechet_inception_distance": 1.0, "kernel_inception_distance_mean": 2.0, "precision": 3.0}
    asked = {}
    monkeypatch.setattr(official, "_torch_fidelity", lambda: None)
    monkeypatch.setattr(official, "measure", lambda images, **options: asked.update(options) or found)
    evaluation = Official(CIFAR10(batch_size=64), extractor=extractor)._evaluate(pictures(0), "given", None)
    assert evaluation.metrics == dict(zip(told, (1.0, 2.0, 3.0), strict=True))
    assert evaluation.card.evaluator == f"torch-fidelity {EXTRACTORS[extractor]}"
    assert asked["feature_extractor"] == EXTRACTORS[extractor] and asked["isc"] == (extractor == "inception")


def test_an_extractor_is_for_this_protocol(type_):
    done = type_("evaluate", "run=run", "extractor=dinov2")
    assert done.returncode == 2 and "extractor=dinov2 is for protocol=official" in done.stderr
    done = type_("evaluate", "run=run", "protocol=official", "extractor=vgg")
    assert done.returncode == 2 and "extractor=vgg" in done.stderr and "dinov2" in done.stderr


def test_it_compares_with_all_classes_of_the_data():
    with pytest.raises(UserError, match=r"all ten classes of CIFAR-10: leave data\.classes out"):
        Official(CIFAR10(batch_size=8, root="data", classes=("cat", "ship")))


def test_it_takes_50_000_pictures_and_no_fewer(monkeypatch, tmp_path):
    monkeypatch.setattr(official, "_torch_fidelity", lambda: None)
    np.savez(tmp_path / "few.npz", np.zeros((120, 32, 32, 3), dtype=np.uint8))
    with pytest.raises(UserError, match="takes 50000 pictures, and there are 120"):
        Official(CIFAR10(batch_size=64)).evaluate_pictures(tmp_path / "few.npz")


def test_a_run_is_measured_by_inception_where_it_is_told_to_and_keeps_the_result(train, tiny, tmp_path, monkeypatch):
    done = train(*tiny, "data.image_size=32", "data.channels=3", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    asked = {}
    monkeypatch.setattr(official, "N", 120)
    monkeypatch.setattr(official, "_torch_fidelity", lambda: None)
    monkeypatch.setattr(
        official, "measure", lambda images, **options: asked.update(options, n=len(images)) or {"inception_score": 1.0}
    )
    run = Run.open(tmp_path / "run")
    result = Official(CIFAR10(batch_size=64)).evaluate_run(run, None, "ema", 0)
    assert asked.pop("verbose") in (False, True)
    assert asked == {"feature_extractor": "inception-v3-compat", "isc": True, "cuda": False, "n": 120}
    kept = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    assert kept == result.to_json() and kept["figures"] == {"inception_score": 1.0} and kept["step"] == 4
    assert list(kept) == ["run", "checkpoint", "step", "figures", "floors", "card"]
    assert list(kept["card"]) == ["evaluator", "reference", "samples", "weights", "seed"]


@pytest.mark.skipif(not why, reason="torch-fidelity imports here")
def test_without_torch_fidelity_one_sentence_says_what_to_install():
    with pytest.raises(UserError, match=r'pip install "ganexp\[fid\]"'):
        official.measure(pictures(0))


@pytest.mark.skipif(not why, reason="torch-fidelity imports here")
def test_it_is_missed_before_any_picture_is_made():
    with pytest.raises(UserError, match="torch_fidelity"):
        Official(CIFAR10(batch_size=64))
