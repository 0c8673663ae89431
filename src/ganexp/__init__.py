"""ganexp: GAN experiments, composed with Hydra and trained with Lightning."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from ganexp.interactive.calls import train as train
    from ganexp.run import Run

__version__ = "0.1.0"
__all__ = ["load", "runs", "sweep", "train"]


# Torch takes seconds to import, so each function imports what it needs.
def load(path: str | Path) -> Run:
    """A past run, from its folder: `load("outputs/…").sample(64, label=7)` gives uint8 pictures [64, C, H, W].

    `load("latest")` is the newest run below `outputs/`. UserError if there is no run with a checkpoint.
    """
    from ganexp.run import Run
    from ganexp.run_folder import latest

    return Run.open(latest.resolve(str(path)))


def runs(root: str | Path = "outputs") -> list[Run]:
    """Every run below `root` that has a checkpoint, in the order of the folders' names. UserError if there is none."""
    from ganexp.interactive import calls

    return calls.runs(root)


def sweep(*words: str) -> list[Run]:
    """Train once for each of several values: `sweep("model.hidden=256,512", "seed=0,1")` are four runs.

    words: what stands behind `python -m ganexp.train -m`. Errors are those of `train`; a sweep first runs all other
    jobs, and then raises the error.
    """
    from ganexp.interactive import calls

    return calls.sweep(*words)


def __getattr__(name: str) -> Any:
    """`train` is a module that can be called. It is imported when somebody asks for it."""
    if name == "train":
        return importlib.import_module("ganexp.train")
    raise AttributeError(f"module 'ganexp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
