"""Untrained generators of every network, and what a run would say of them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from ganexp.config import CONF, parse, register_resolvers

NETWORKS = ("mlp", "mlp_conv", "dcgan", "resnet")


CLASSES = ("cat", "dog", "</script>")


@pytest.fixture(scope="session")
def untrained() -> Callable:
    """`untrained("dcgan", conditional=True)` is (run, generator), with statistics in its BatchNorms."""
    for package in ("onnx", "onnxruntime", "onnxscript", "safetensors"):
        pytest.importorskip(package)
    from ganexp import build
    from ganexp.runs import Run

    def make(network: str, conditional: bool, *overrides: str):
        register_resolvers()
        options = ["data=fake", f"network={network}", "model.hidden=8", "model.latent_dim=12", *overrides]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = parse(compose("train", [*options, f"model.conditional={conditional}"]))
        shape = (3, 32, 32) if network in ("dcgan", "resnet") else (1, 28, 28)
        run = Run(Path("a run"), config, {"data": {"name": "Fake", "shape": shape, "classes": CLASSES}})
        random = torch.Generator().manual_seed(0)
        generator = build.generator(config, shape, len(CLASSES))
        for module in generator.modules():
            if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1, generator=random)
                module.running_var.uniform_(0.5, 1.5, generator=random)
        with torch.no_grad():
            for weights in generator.parameters():
                weights.add_(0.05 * torch.randn(weights.shape, generator=random))
        return run, generator.eval().requires_grad_(False)

    return make


@pytest.fixture(scope="session")
def exported(untrained) -> Callable:
    """The same with the ONNX graph: (run, generator, graph)."""
    from ganexp.exporting import portable

    @cache
    def export(network: str, conditional: bool):
        run, generator = untrained(network, conditional)
        return run, generator, portable.to_onnx(generator, 12, len(run.classes))

    return export
