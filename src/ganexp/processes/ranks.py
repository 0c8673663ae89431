"""The processes of one run: their numbers, and who starts them.

Process 0 is the run that the user sees. It alone reads the command line, and it alone reads and writes the run's
folder. The other processes follow: process 0 tells them what to train (`strategy.told`).

torchrun and Slurm start all processes of a run. Without them, process 0 starts the others on its host.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ganexp.config import Trainer
from ganexp.errors import UserError

log = logging.getLogger("ganexp")

PARENT = "GANEXP_PARENT"
"""The environment variable that holds the process id of process 0, in the processes that process 0 started."""

GRACE = 15
"""Seconds in which process 0 should notice by itself that another process is gone."""


@dataclass(frozen=True)
class Starter:
    """A program that started the processes of this run. name: torchrun or Slurm."""

    name: str
    processes: int
    hosts: int


def starter() -> Starter | None:
    """The program that started this process as one of several; None if the process was started alone."""
    env = os.environ
    if "TORCHELASTIC_RUN_ID" in env:
        return Starter("torchrun", int(env["WORLD_SIZE"]), int(env.get("GROUP_WORLD_SIZE", 1)))
    in_shell = env.get("SLURM_JOB_NAME") in ("bash", "interactive")
    if int(env.get("SLURM_NTASKS", 1)) > 1 and not in_shell and PARENT not in env:
        return Starter("Slurm", int(env["SLURM_NTASKS"]), int(env.get("SLURM_NNODES", 1)))
    return None


def rank() -> int:
    """The number of this process among the processes of its run."""
    started_by = starter()
    if started_by is not None and started_by.name == "Slurm":
        return int(os.environ["SLURM_PROCID"])
    return int(os.environ.get("RANK", 0)) if started_by is not None or PARENT in os.environ else 0


def asked(options: Trainer) -> int | Literal["auto"]:
    """How many processes each host should have. UserError if the launcher started another number."""
    started_by, count, hosts = starter(), options.devices, options.num_nodes
    if started_by is None:
        if hosts > 1:
            raise UserError(
                f"trainer.num_nodes={hosts}: several hosts need a launcher; start the command on every host by "
                "torchrun or srun, or type trainer.num_nodes=1"
            )
        return count
    each = started_by.processes // started_by.hosts
    if hosts != started_by.hosts or count not in ("auto", each):
        raise UserError(
            f"trainer.devices={count} trainer.num_nodes={hosts}: {started_by.name} started {started_by.processes} "
            f"processes on {started_by.hosts} host{'s' * (started_by.hosts > 1)}; type trainer.devices={each} "
            f"trainer.num_nodes={started_by.hosts}"
        )
    return each


def check_shares(batch_size: int, processes: int) -> None:
    """UserError if the processes cannot share a batch equally."""
    if batch_size % processes:
        raise UserError(
            f"data.batch_size={batch_size}: {processes} processes cannot share it equally; type "
            f"data.batch_size={-(-batch_size // processes) * processes}, or another trainer.devices"
        )


@contextlib.contextmanager
def followers(processes: int, address: str, port: int, on_loss: Callable[[], None]) -> Iterator[None]:
    """Start processes 1 to `processes` - 1 on this host. They end with the block, at once if the block fails.

    on_loss: if a process failed and process 0 did not notice, this function is called, and then the program ends.
    """
    own = {
        PARENT: str(os.getpid()),
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": address,
        "MASTER_PORT": str(port),
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),  # A user's modules are found too.
    }
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "ganexp.train"],
            env=os.environ | own | {"RANK": str(number), "LOCAL_RANK": str(number)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches process 0 alone, which tells the others when to stop.
        )
        for number in range(1, processes)
    ]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            if any(process.poll() for process in started) and not over.wait(GRACE):
                on_loss()
                logging.shutdown()
                os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
        over.set()
        with contextlib.suppress(subprocess.TimeoutExpired):
            for process in started:
                process.wait(GRACE)
    finally:
        over.set()
        for process in started:
            process.kill()
            process.wait()


def end_with_parent() -> None:
    """Let this process end when the process 0 that started it has ended, for whatever reason."""
    parent = os.environ.get(PARENT)

    def watch() -> None:
        while os.getppid() == int(parent or 0):
            time.sleep(0.5)
        os._exit(1)

    if parent is not None:
        threading.Thread(target=watch, daemon=True).start()
