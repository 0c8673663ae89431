"""Fingerprints of what six recipes learn: `python -m benchmarks.fingerprints`.

If a change of the code should not change the training, then every line must stay the same on one machine. Other kinds
of CPUs round differently, so compare lines of one machine only; they are stored nowhere.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

RECIPES = {
    "conditional": ["model=conditional"],
    "five updates of D and a penalty": ["model=wgan_gp"],
    "lazy penalty, falling rates": ["model=r1gan"],
    "DiffAugment and clipping": ["model=wgan", "train.augment=[color,translation,cutout]", "train.clip_norm=1"],
    "relativistic": ["model=r3gan", "model.hidden=16"],
    "residual, mirrored pictures": ["model=projection", "model.hidden=16", "data=fake", "+data.flip=true"],
}
ITERATIONS = 40


def main() -> None:
    for name, overrides in RECIPES.items():
        print(f"{fingerprint(overrides)}  {name}", flush=True)


def fingerprint(overrides: list[str]) -> str:
    """SHA-256, shortened, of every tensor that `last.ckpt` holds after ITERATIONS iterations."""
    with tempfile.TemporaryDirectory() as folder:
        typed = [*overrides, f"trainer.max_steps={ITERATIONS}", "trainer.accelerator=cpu", "evaluation.every=0"]
        command = [sys.executable, "-m", "ganexp.train", *typed, "hydra.run.dir=run"]
        subprocess.run(command, cwd=folder, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=True, capture_output=True)
        contents = torch.load(Path(folder, "run", "checkpoints", "last.ckpt"), weights_only=True)
    digest = hashlib.sha256()
    for place, tensor in sorted(tensors(contents, ""), key=lambda found: found[0]):
        digest.update(place.encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def tensors(node: Any, place: str) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor below `node`, with its place."""
    if isinstance(node, torch.Tensor):
        yield place, node
    elif isinstance(node, dict):
        for key, child in node.items():
            yield from tensors(child, f"{place}/{key}")
    elif isinstance(node, list | tuple):
        for number, child in enumerate(node):
            yield from tensors(child, f"{place}/{number}")


if __name__ == "__main__":
    main()
