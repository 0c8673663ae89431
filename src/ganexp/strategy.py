"""How Lightning trains one run in several processes, on one host or on several."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from lightning_fabric.plugins.environments import ClusterEnvironment, LightningEnvironment, SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from pytorch_lightning.strategies import DDPStrategy

from ganexp import collectives, ranks
from ganexp.config import Trainer
from ganexp.errors import UserError

TIMEOUT = timedelta(minutes=10)
"""How long a process waits for another one. An evaluation, during which the others wait for process 0, takes less."""

TOLD = "ganexp/plan"


class Replicas(DDPStrategy):
    """Each process holds the whole model; the model itself averages its gradients (`GAN._descend`).

    DDP's wrapper is left out: it takes one optimizer and `.backward()` for granted. Process 0 alone reads and writes
    files, so no process waits for another one's files.
    """

    def __init__(self) -> None:
        super().__init__(timeout=TIMEOUT)

    def setup_distributed(self) -> None:
        with torch.random.fork_rng(devices=[]):  # Lightning seeds the random stream anew, after the networks drew.
            super().setup_distributed()

    def configure_ddp(self) -> None:
        assert self.model is not None
        collectives.synchronise_batch_norm(self.model, self.root_device)
        collectives.share_state(self.model)

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        contents = super().load_checkpoint(checkpoint_path, weights_only) if self.is_global_zero else {}
        return self.broadcast(contents)

    def barrier(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: process 0 may save a checkpoint whenever it likes."""


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
    """How many processes each host has. UserError if the launcher that started this process started other ones."""
    started_by = ranks.launcher()
    count, hosts = options.devices, options.num_nodes
    if started_by is None and hosts > 1:
        raise UserError(
            f"trainer.num_nodes={hosts}: several hosts need a launcher; start the command by torchrun or by srun on "
            "each host, or type trainer.num_nodes=1"
        )
    if started_by is not None:
        each = started_by.processes // started_by.hosts
        if hosts != started_by.hosts or count not in ("auto", each):
            raise UserError(
                f"trainer.devices={count} trainer.num_nodes={hosts}: {started_by.name} started {started_by.processes} "
                f"processes on {started_by.hosts} host{'s' * (started_by.hosts > 1)}; type trainer.devices={each} "
                f"trainer.num_nodes={started_by.hosts}"
            )
        return each
    if count == "auto":
        probe = pl.Trainer(accelerator=options.accelerator, devices="auto", logger=False, enable_checkpointing=False)
        return probe.num_devices
    return count


def environment() -> ClusterEnvironment:
    """What Lightning asks for the numbers and addresses of the processes."""
    started_by = ranks.launcher()
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
        store = _store(place)
        store.set(TOLD, json.dumps(dataclasses.asdict(plan)))
        yield


def hear() -> Plan:
    """What process 0 tells this process."""
    return Plan(**json.loads(_store(environment()).get(TOLD)))


def _store(place: ClusterEnvironment) -> dist.Store:
    """The store where the processes meet; Lightning's process group meets there too."""
    url = f"tcp://{place.main_address}:{place.main_port}"
    store, _, _ = next(dist.rendezvous(url, place.global_rank(), place.world_size(), timeout=TIMEOUT))
    return store


def _leave() -> None:
    """Leave the process group, so that the next run of a sweep can form its own."""
    if dist.is_initialized():
        dist.destroy_process_group()
    if ranks.launcher() is None:
        for name in ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE"):
            os.environ.pop(name, None)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Inside the block, a collective that fails says why. ConnectionError."""
    try:
        yield
    except RuntimeError as error:
        if collectives.world() > 1 and (isinstance(error, torch.distributed.DistError) or "gloo" in str(error)):
            raise ConnectionError(
                "Another process of this run ended, or gave no answer for "
                f"{TIMEOUT.seconds // 60} minutes. If it failed, its own message stands above."
            ) from error
        raise
