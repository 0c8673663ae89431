"""The official protocol, computed by torch-fidelity (Obukhov et al. 2020): 50,000 pictures, and features of a network
that others measure with too.

Its metrics may be compared with published ones. It needs the extra `ganexp[fid]`, and it downloads the network's
weights and the original training set of CIFAR-10.
"""

import dataclasses
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from ganexp import results
from ganexp.data.cifar10 import CIFAR10
from ganexp.data.dataset import Dataset
from ganexp.data.samples import read_samples
from ganexp.errors import UserError
from ganexp.evaluation import Card, Evaluation
from ganexp.extras import require
from ganexp.pictures.sampling import sample, with_progress
from ganexp.run import Run

N = 50_000
"""Pictures that the protocol measures."""

SHAPE = (3, 32, 32)
"""Pictures of CIFAR-10: (channels, height, width)."""


EXTRACTORS = {"inception": "inception-v3-compat", "dinov2": "dinov2-vit-l-14", "clip": "clip-vit-b-32"}
"""The networks and their names in torch-fidelity: Inception (Heusel et al. 2017), DINOv2 (Stein et al. 2023) and CLIP
(Kynkäänniemi et al. 2023)."""


class TensorPictures(TorchDataset):
    """Pictures as torch-fidelity takes them: uint8 [3, H, W], one at a time."""

    def __init__(self, images: Tensor):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


class Official:
    """A network and the 50,000 original training pictures of CIFAR-10, ready to measure generated pictures.

    Precision and recall come from features of the same network. torch-fidelity's own choice would be VGG.
    """

    def __init__(self, data: Dataset, device: torch.device | str = "cpu", extractor: str = "inception"):
        """extractor: a key of EXTRACTORS.

        UserError if `data` is not CIFAR-10 or only a part of its classes, or if torch-fidelity is not installed.
        """
        if not isinstance(data, CIFAR10):
            raise UserError(
                f"protocol=official compares with CIFAR-10's training set, not with {type(data).__name__}: type "
                "protocol=in_domain"
            )
        if data.classes:
            raise UserError(
                "protocol=official compares with all ten classes of CIFAR-10: leave data.classes out, or type "
                "protocol=in_domain"
            )
        _torch_fidelity()  # Samples take minutes, so a missing package is told first.
        self.device, self.extractor = torch.device(device), extractor

    def evaluate_run(self, run: Run, checkpoint: str | None, weights: str, seed: int) -> Evaluation:
        """The evaluation of 50,000 samples of a run's checkpoint, which is also kept in the run's folder."""
        if run.shape != SHAPE:
            raise UserError(f"run={run.path}: its pictures are of {run.shape}, and CIFAR-10's of {SHAPE}")
        path = run.checkpoint(checkpoint)
        network = run.network(path, weights, self.device)
        stream = sample(network, N, seed)
        images = torch.cat([images for images, _ in with_progress(stream, N)])
        evaluation = dataclasses.replace(
            self._evaluate(images, weights, seed),
            run=str(run.path),
            checkpoint=run.name_of(path),
            step=run.iteration(path),
        )
        results.keep_line(run, evaluation)
        return evaluation

    def evaluate_pictures(self, samples: Path) -> Evaluation:
        """The evaluation of 50,000 pictures in an `.npz` or a folder; UserError if there are fewer."""
        images, _ = read_samples(samples, N, SHAPE)
        if len(images) < N:
            raise UserError(f"samples={samples}: protocol=official takes {N} pictures, and there are {len(images)}")
        return self._evaluate(images, "given", None)

    def _evaluate(self, images: Tensor, weights: str, seed: int | None) -> Evaluation:
        network, cuda = EXTRACTORS[self.extractor], self.device.type == "cuda"
        card = Card(f"torch-fidelity {network}", None, "CIFAR-10 train, original", None, N, weights, seed)
        # An Inception Score needs classes, and only Inception has some.
        classes = self.extractor == "inception"
        metrics = measure(images, feature_extractor=network, isc=classes, cuda=cuda, verbose=sys.stderr.isatty())
        return Evaluation({self._told(name): value for name, value in metrics.items()}, card)

    def _told(self, name: str) -> str:
        """The name of a metric, which tells the network: `frechet_inception_distance`, `frechet_distance_dinov2`."""
        return name if self.extractor in name else f"{name.replace('inception_', '')}_{self.extractor}"


def _torch_fidelity() -> ModuleType:
    require("protocol=official", "fid", "torch_fidelity")
    try:
        import torch_fidelity  # type: ignore[import-not-found]
    except (ImportError, RuntimeError) as error:  # A torchvision that does not match torch raises RuntimeError.
        raise UserError(
            f"protocol=official needs torch-fidelity and a torchvision that matches torch ({error}): type "
            "pip install 'ganexp[fid]'"
        ) from None
    return torch_fidelity


def measure(images: Tensor, reference: str | TorchDataset = "cifar10-train", **options: Any) -> dict[str, float]:
    """ISC, FID, KID and PRC of uint8 [N, 3, H, W]. `options` are torch-fidelity's own.

    UserError if torch-fidelity is not installed, or if the weights or the reference cannot be downloaded.
    """
    torch_fidelity = _torch_fidelity()
    asked: dict[str, Any] = {"isc": True, "fid": True, "kid": True, "prc": True, "verbose": False} | options
    try:
        return torch_fidelity.calculate_metrics(input1=TensorPictures(images), input2=reference, **asked)
    except (OSError, RuntimeError) as error:  # A damaged download raises RuntimeError.
        raise UserError(
            f"protocol=official: torch-fidelity could not measure ({error}); if it could not download the weights of "
            f"{asked.get('feature_extractor', 'Inception')} or the original CIFAR-10, connect to the "
            "internet and try again, or type protocol=in_domain"
        ) from None
