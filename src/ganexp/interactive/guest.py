"""A run in the user's own process, such as a notebook: afterwards the process is as it was before."""

import contextlib
import gc
import logging
import os
import random
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobRuntime
from hydra.version import VersionBase
from omegaconf.basecontainer import BaseContainer

from ganexp import command
from ganexp.console import messages
from ganexp.errors import UserError
from ganexp.processes import interruption, process

HYDRA = (GlobalHydra, HydraConfig, JobRuntime, VersionBase)
"""What Hydra knows of the program that runs; there is one of each in a process."""

_busy = threading.Lock()


@contextlib.contextmanager
def hydra() -> Iterator[None]:
    """Inside the block, Hydra is as in a new process. Afterwards the process has its own Hydra again.

    UserError in a second thread, because Hydra has room for one program.
    """
    if not _busy.acquire(blocking=False):
        raise UserError("another run trains in this process: wait for its end, or start a process for each run")
    own = {kind: Singleton._instances.pop(kind) for kind in HYDRA if kind in Singleton._instances}
    resolvers = BaseContainer._resolvers
    BaseContainer._resolvers = dict(resolvers)
    try:
        yield
    finally:
        for kind in HYDRA:
            Singleton._instances.pop(kind, None)
        Singleton._instances.update(own)
        BaseContainer._resolvers = resolvers
        _busy.release()


@contextlib.contextmanager
def run(log: Path) -> Iterator[None]:
    """Inside the block, a run may change what a command may change: random numbers, messages, hooks. log: its file."""
    # Torch takes seconds to import, so this comes after Hydra, which may report a mistake.
    with interruption.held_back():
        import torch

    numbers = random.getstate(), np.random.get_state()
    dtype, precision = torch.get_default_dtype(), torch.get_float32_matmul_precision()
    hooks = threading.excepthook, logging.raiseExceptions, gc.get_freeze_count()
    captured = logging._warnings_showwarning is not None  # type: ignore[attr-defined]
    seeds = {name: os.environ.get(name) for name in ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")}
    try:
        with (
            process.begins(),
            messages.apart(log),
            warnings.catch_warnings(),
            torch.random.fork_rng(range(torch.cuda.device_count())),
        ):
            command.tell_full_disks_once()
            torch.set_default_dtype(torch.float32)
            yield
    finally:
        random.setstate(numbers[0])
        np.random.set_state(numbers[1])
        torch.set_default_dtype(dtype)
        torch.set_float32_matmul_precision(precision)
        threading.excepthook, logging.raiseExceptions, frozen = hooks
        if not frozen:
            gc.unfreeze()
        if not captured:
            logging.captureWarnings(False)
        for name, value in seeds.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
