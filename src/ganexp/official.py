"""The official protocol, by torch-fidelity's own code (Obukhov et al. 2020): Inception features, 50,000 pictures.

Its figures may be compared with published ones. It needs the extra `ganexp[fid]`, and downloads the weights of
Inception and CIFAR-10's original training set.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from ganexp.data.cifar10 import CIFAR10
from ganexp.data.dataset import Dataset
from ganexp.data.samples import read_samples
from ganexp.errors import UserError
from ganexp.evaluation import with_progress
from ganexp.runs import Run
from ganexp.sampling import sample

N = 50_000


class Seen(TorchDataset):
    """Pictures as torch-fidelity takes them: uint8 [3, H, W], one at a time."""

    def __init__(self, images: Tensor):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def evaluate(
    run: Run | None, samples: str | None, data: Dataset, checkpoint: str | None, weights: str, seed: int, device: str
) -> dict[str, Any]:
    """figures and card of 50,000 pictures: a run's checkpoint's, also kept in the run's folder, or those in the file or
    folder `samples`. Precision and recall are of Inception's features too, not of torch-fidelity's own choice, VGG."""
    if not isinstance(data, CIFAR10):
        raise UserError(
            f"protocol=official compares with CIFAR-10's training set, not with {type(data).__name__}: type "
            "protocol=in_domain"
        )
    _torch_fidelity()  # Before the minutes that the pictures take.
    if run is not None:
        if run.shape != (3, 32, 32):
            raise UserError(f"run={run.path}: its pictures are of {run.shape}, and CIFAR-10's of (3, 32, 32)")
        path = run.checkpoint(checkpoint)
        about = {"run": str(run.path), "checkpoint": path.stem, "step": run.iteration(path)}
        network = run.network(path, weights, device)
        batches = sample(network, N, seed)
        images = torch.cat([images for images, _ in with_progress(batches, N)])
    else:
        images, _ = read_samples(Path(str(samples)), N, (3, 32, 32))
        weights = "given"
        if len(images) < N:
            raise UserError(f"samples={samples}: protocol=official takes {N} pictures, and there are {len(images)}")
    card = {"evaluator": "torch-fidelity", "reference": "CIFAR-10 train, original", "samples": N, "weights": weights}
    options = {"feature_extractor": "inception-v3-compat", "cuda": device == "cuda", "verbose": sys.stderr.isatty()}
    result = {
        "figures": measure(images, **options),
        "floors": {},
        "card": card | {"seed": seed if run is not None else None},
    }
    if run is not None:
        result = about | result
        run.folder.append_metrics(result)
    return result


def _torch_fidelity() -> ModuleType:
    try:
        import torch_fidelity  # type: ignore[import-not-found]
    except (ImportError, RuntimeError) as error:  # torchvision beside another build of torch: RuntimeError
        raise UserError(
            f"protocol=official needs torch-fidelity and a torchvision that matches torch ({error}): type "
            "pip install 'ganexp[fid]'"
        ) from None
    return torch_fidelity


def measure(images: Tensor, reference: str | TorchDataset = "cifar10-train", **options: Any) -> dict[str, float]:
    """ISC, FID, KID and PRC of uint8 [N, 3, H, W]. `options` go to torch-fidelity as they are.

    UserError where torch-fidelity, the weights or the reference cannot be had.
    """
    torch_fidelity = _torch_fidelity()
    asked: dict[str, Any] = {"isc": True, "fid": True, "kid": True, "prc": True, "verbose": False} | options
    try:
        return torch_fidelity.calculate_metrics(input1=Seen(images), input2=reference, **asked)
    except (OSError, RuntimeError) as error:  # Of a download that is not what it should be: RuntimeError.
        raise UserError(
            f"protocol=official: torch-fidelity went no further ({error}); if it could not download Inception's "
            "weights or the original CIFAR-10, try again with a network, or type protocol=in_domain"
        ) from None
