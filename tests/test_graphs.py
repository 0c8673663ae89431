"""CUDA graphs replay what a training without graphs does."""

import csv
from pathlib import Path

import pytest
import torch

from ganexp import graphs
from ganexp.gan import GAN
from ganexp.graphs import make_capturable, portable
from ganexp.optimizers import Adam

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need an NVIDIA GPU")

RECIPES = {
    "tutorial": ["model=vanilla"],
    "five updates of D and a penalty": ["model=wgan_gp"],
    "lazy penalty, falling rates": ["model=r1gan"],
    "conditional, clipping, DiffAugment": [
        "model=wgan",
        "model.conditional=true",
        "train.augment=[color,translation,cutout]",
        "train.clip_norm=1",
    ],
    "convolutions, relativistic": ["model=r3gan", "model.hidden=16"],
    "residual, spectral norm, mirrored pictures": ["model=projection", "model.hidden=16", "+data.flip=true"],
    "half precision": ["model=dcgan", "model.hidden=16", "trainer.precision=bf16-mixed"],
}
COMMON = ["data=fake", "data.n=256", "evaluation.every=0", "samples.every=0", "checkpoint.every=0", "logger=csv"]


def losses(run: Path) -> torch.Tensor:
    """Every loss that the run logged, [lines, 2]."""
    with open(run / "csv" / "version_0" / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    return torch.tensor([[float(row[f"loss/{network}"]) for network in ("discriminator", "generator")] for row in rows])


@needs_gpu
@pytest.mark.parametrize("recipe", RECIPES)
def test_captured_iterations_give_the_losses_of_eager_ones(train, tmp_path, recipe, monkeypatch):
    typed = [*RECIPES[recipe], *COMMON, "trainer.max_steps=100", "trainer.log_every_n_steps=5"]
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    for name, warm_up in (("captured", 2), ("eager", 1000)):
        monkeypatch.setattr(graphs, "WARM_UP", warm_up)
        done = train(*typed, f"hydra.run.dir={name}")
        assert done.returncode == 0, done.stderr
    captured, eager = losses(tmp_path / "captured"), losses(tmp_path / "eager")
    assert len(captured) == 20
    torch.testing.assert_close(captured, eager, rtol=1e-4, atol=1e-4)


@needs_gpu
def test_without_graphs_a_training_begins_alike(train, tmp_path):
    for chosen in ("auto", "off"):
        done = train(
            *COMMON,
            "trainer.max_steps=40",
            "trainer.log_every_n_steps=2",
            f"trainer.graphs={chosen}",
            f"hydra.run.dir={chosen}",
        )
        assert done.returncode == 0, done.stderr
    torch.testing.assert_close(losses(tmp_path / "auto"), losses(tmp_path / "off"), rtol=1e-3, atol=1e-3)


@needs_gpu
def test_an_evaluator_sees_the_same_on_a_gpu():
    from ganexp.data.mnist import MNIST
    from ganexp.evaluators.evaluator import load

    images = MNIST(batch_size=64).load("test").images[:500]
    for expected, seen in zip(
        load("mnist_cnn_v1").embed(images), load("mnist_cnn_v1", "cuda").embed(images), strict=True
    ):
        torch.testing.assert_close(seen, expected, rtol=1e-3, atol=1e-3)


@needs_gpu
@pytest.mark.parametrize("recipe", ["tutorial", "lazy penalty, falling rates"])
def test_a_resumed_run_ends_as_one_that_never_stopped(train, tmp_path, recipe, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)  # Else cuDNN adds up in any order.
    typed = [*RECIPES[recipe], *COMMON, "trainer.log_every_n_steps=10"]
    train(*typed, "trainer.max_steps=60", "hydra.run.dir=calm", "train.decay_from=1.0")
    train(*typed, "trainer.max_steps=30", "hydra.run.dir=resumed", "train.decay_from=1.0")
    assert train("resume=resumed", "trainer.max_steps=60").returncode == 0
    calm, resumed = (
        torch.load(tmp_path / name / "checkpoints/last.ckpt", map_location="cpu") for name in ("calm", "resumed")
    )
    for name, tensor in calm["state_dict"].items():
        assert torch.equal(tensor, resumed["state_dict"][name]), name


@needs_gpu
def test_nothing_waits_for_the_device_between_reports(train, monkeypatch):
    iterate = GAN.iterate

    def watched(self, step):
        quiet = step > 70 and not self._pauses_at(step + 1)
        torch.cuda.set_sync_debug_mode("error" if quiet else "default")
        try:
            iterate(self, step)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(GAN, "iterate", watched)
    for recipe in ("lazy penalty, falling rates", "five updates of D and a penalty"):
        done = train(*RECIPES[recipe], *COMMON, "trainer.max_steps=120", "trainer.log_every_n_steps=10")
        assert done.returncode == 0, done.stderr


def test_a_checkpoint_of_a_captured_run_opens_on_any_device():
    parameter = torch.nn.Parameter(torch.ones(3))
    captured = Adam(lr=0.1, betas=(0.5, 0.9))([parameter])
    parameter.grad = torch.ones(3)
    captured.step()
    make_capturable(captured)
    plain = Adam(lr=0.5, betas=(0.5, 0.9))([parameter])
    plain.load_state_dict(portable(captured.state_dict()))
    plain.step()
    assert plain.param_groups[0]["lr"] == pytest.approx(0.1)
    assert parameter[0].item() == pytest.approx(0.8)
