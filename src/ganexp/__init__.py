"""ganexp: GAN experiments, composed with Hydra and trained with Lightning."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ganexp.run import Run

__version__ = "0.1.0"


def load(path: str | Path) -> Run:
    """A past run, from its folder: `load("outputs/…").sample(64, label=7)` gives uint8 pictures [64, C, H, W].

    `load("latest")` is the newest run below `outputs/`. UserError if there is no run with a checkpoint.
    """
    from ganexp import latest
    from ganexp.run import Run  # Torch takes a second to import, and commands want to start.

    return Run.open(latest.resolve(str(path)))
