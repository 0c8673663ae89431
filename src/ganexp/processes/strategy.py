"""How Lightning trains one run in several processes, on one host or on several."""

import contextlib
import dataclasses
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from lightning_fabric.plugins.environments import ClusterEnvironment, LightningEnvironment, SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from pytorch_lightning.strategies import DDPStrategy

from ganexp.config import Trainer
from ganexp.processes import collectives, ranks

TIMEOUT = timedelta(minutes=10)
"""How long a process waits for another one. An evaluation, during which the others wait for process 0, takes less."""

PLAN, HEARD = "ganexp/plan", "ganexp/heard"
"""Keys of the store where the processes meet: the plan, and how many processes have heard it."""

_told = threading.Event()


class Replicas(DDPStrategy):
    """Each process holds the whole model; the model itself averages its gradients (`GAN._descend`).

    DDP's wrapper is not used, because it expects one optimizer and `.backward()`. Only process 0 reads and writes
    files, so no process waits for another one's files.
    """

    def __init__(self) -> None:
        super().__init__(timeout=TIMEOUT)

    def setup_distributed(self) -> None:
        with torch.random.fork_rng(devices=[]):  # Lightning would seed the random stream again.
            super().setup_distributed()

    def configure_ddp(self) -> None:
        assert self.model is not None
        collectives.synchronise_batch_norm(self.model, self.root_device)
        collectives.share_state(self.model)

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        contents = super().load_checkpoint(checkpoint_path, weights_only) if self.is_global_zero else {}
        return self.broadcast(contents)

    def barrier(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing, so process 0 may save a checkpoint at any moment."""


class OneHost(LightningEnvironment):
    """The processes that process 0 starts on its own host."""

    @property
    def creates_processes_externally(self) -> bool:
        return True

    def global_rank(self) -> int:
        return ranks.rank()

    def world_size(self) -> int:
        return int(os.environ["WORLD_SIZE"]) if ranks.PARENT in os.environ else self._world_size


def processes(options: Trainer) -> int:
    """How many processes each host has. UserError if the launcher started another number."""
    count = ranks.asked(options)
    if count == "auto":
        probe = pl.Trainer(accelerator=options.accelerator, devices="auto", logger=False, enable_checkpointing=False)
        return probe.num_devices
    return count


def environment() -> ClusterEnvironment:
    """What Lightning asks for the numbers and addresses of the processes."""
    started_by = ranks.starter()
    if started_by is None:
        return OneHost()
    return TorchElasticEnvironment() if started_by.name == "torchrun" else SLURMEnvironment(auto_requeue=False)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What process 0 tells the others: the configuration, where the run's log is, and what is needed to begin.

    sha256: the hash of the training pictures. pauses: see `GAN`. checkpoint: the file that the run goes on from.
    """

    config: dict[str, Any]
    folder: str
    sha256: str
    pauses: list[int]
    checkpoint: str | None


@contextlib.contextmanager
def told(trainer: pl.Trainer, plan: Plan, on_loss: Callable[[], None]) -> Iterator[None]:
    """Inside the block, the other processes of the run exist and know the plan. Nothing happens if there are none."""
    if not isinstance(trainer.strategy, Replicas):
        yield
        return
    place = trainer.strategy.cluster_environment
    assert place is not None
    with contextlib.ExitStack() as stack:
        stack.callback(_leave)
        if isinstance(place, OneHost):
            place.set_world_size(trainer.world_size)
            stack.enter_context(ranks.followers(trainer.world_size, place.main_address, place.main_port, on_loss))
        store = _tell(place, plan)
        yield
        del store  # Until here it must exist, because process 0 serves it.


def dismiss() -> None:
    """Let the processes that a launcher started end, if there is nothing to train: the command was refused."""
    if not _told.is_set() and environment().world_size() > 1:
        with contextlib.suppress(dist.DistError):
            _tell(environment(), None)


def hear() -> Plan | None:
    """What process 0 tells this process; None if there is nothing to train. ConnectionError if nothing is told."""
    try:
        store = _store(environment())
        plan = json.loads(store.get(PLAN))
        store.add(HEARD, 1)
    except dist.DistError as error:
        raise ConnectionError("Process 0 did not start to train; its own message says why.") from error
    return Plan(**plan) if plan is not None else None


def _tell(place: ClusterEnvironment, plan: Plan | None) -> dist.Store:
    """The store in which the plan stands."""
    store = _store(place)
    store.set(PLAN, json.dumps(dataclasses.asdict(plan) if plan is not None else None))
    _told.set()
    until = time.monotonic() + 60
    while plan is None and store.add(HEARD, 0) < place.world_size() - 1 and time.monotonic() < until:
        time.sleep(0.1)  # The store may end with this process.
    return store


def _store(place: ClusterEnvironment) -> dist.Store:
    """The store where the processes meet; Lightning's process group meets there too."""
    url = f"tcp://{place.main_address}:{place.main_port}"
    store, _, _ = next(dist.rendezvous(url, place.global_rank(), place.world_size(), timeout=TIMEOUT))
    return store


def _leave() -> None:
    """Leave the process group, so that the next run of a sweep can form its own."""
    if dist.is_initialized():
        dist.destroy_process_group()
    if ranks.starter() is None:
        for name in ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE"):
            os.environ.pop(name, None)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Inside the block, a collective that fails says why. ConnectionError."""
    try:
        yield
    except RuntimeError as error:
        if collectives.world() > 1 and (isinstance(error, dist.DistError) or "gloo" in str(error)):
            raise ConnectionError(
                "Another process of this run ended, or gave no answer for "
                f"{TIMEOUT.seconds // 60} minutes. If it failed, its own message stands above."
            ) from error
        raise
