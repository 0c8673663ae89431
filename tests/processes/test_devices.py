"""A run in several processes is the run of one process. Here they meet by gloo, on a CPU."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow

RECIPES = {
    "fully connected": (["network.dropout=0"], [2]),
    "BatchNorm in both networks": (["model=dcgan", "model.hidden=4"], [2, 4]),
    "gradient penalty and DiffAugment": (["model=dragan", "train.augment=[color,translation,cutout]"], [2]),
}
"""What is typed, and in how many processes."""
COMMON = ["samples.every=0", "checkpoint.every=0", "logger=csv", "trainer.log_every_n_steps=1", "+data.flip=true"]


def losses(run: Path) -> torch.Tensor:
    """The losses of D and G at every iteration, [iterations, 2]."""
    rows = []
    for file in sorted(run.glob("csv/version_*/metrics.csv")):
        with open(file) as lines:
            rows += list(csv.DictReader(lines))
    return torch.tensor([[float(row[f"loss/{network}"]) for network in ("discriminator", "generator")] for row in rows])


def slurm(monkeypatch: pytest.MonkeyPatch, rank: str) -> None:
    """What Slurm tells a process of a job of two tasks."""
    job = {"JOB_ID": "4711", "JOB_NAME": "gan", "NTASKS": "2", "NTASKS_PER_NODE": "2", "NNODES": "1", "NODEID": "0"}
    for name, value in (job | {"NODELIST": "localhost", "PROCID": rank, "LOCALID": rank}).items():
        monkeypatch.setenv(f"SLURM_{name}", value)


def record(run: Path) -> dict:
    return json.loads((run / "run.json").read_text())


@pytest.mark.parametrize("recipe", RECIPES)
def test_several_processes_follow_one(train, tiny, tmp_path, recipe):
    own, several = RECIPES[recipe]
    typed = [*tiny, *own, *COMMON, "trainer.max_steps=50", "data.batch_size=16"]
    for devices in (1, *several):
        done = train(*typed, f"trainer.devices={devices}", f"hydra.run.dir={devices}")
        assert done.returncode == 0, done.stderr
    one = losses(tmp_path / "1")
    assert one.shape == (50, 2)
    # Processes round sums otherwise, and small batches of BatchNorm make the difference larger with each iteration.
    compared = 20 if recipe == "BatchNorm in both networks" else 50
    for devices in several:
        found = losses(tmp_path / str(devices))
        torch.testing.assert_close(found[:10], one[:10], rtol=1e-5, atol=1e-6)  # A mistake shows at once.
        torch.testing.assert_close(found[:compared], one[:compared], rtol=1e-4, atol=1e-5)


def test_batch_norm_in_half_precision_has_statistics_in_float32(train, tiny, tmp_path):
    typed = ["model=dcgan", "model.hidden=4", "trainer.precision=bf16-mixed", "trainer.devices=2", "hydra.run.dir=r"]
    done = train(*tiny, *typed)
    assert done.returncode == 0, done.stderr


def test_processes_that_a_launcher_started_end_when_the_command_is_refused(tmp_path, tiny, monkeypatch):
    processes = []
    for rank in ("0", "1"):
        slurm(monkeypatch, rank)
        processes.append(start(tmp_path, *tiny, "trainer.devices=1"))
    (_, said), (_, nothing) = (process.communicate(timeout=60) for process in processes)
    assert processes[0].returncode == 2 and said.endswith("type trainer.devices=2 trainer.num_nodes=1\n"), said
    assert processes[1].returncode == 0 and nothing == ""


def test_a_sweep_is_not_started_by_a_launcher(train, monkeypatch, tiny):
    slurm(monkeypatch, "0")
    monkeypatch.setattr("ganexp.processes.strategy.dismiss", lambda: None)
    refused = train("-m", *tiny, "seed=0,1")
    assert refused.returncode == 2 and refused.stderr.startswith("-m: Slurm started 2 processes")


def test_a_run_goes_on_with_another_number_of_processes(train, tiny, tmp_path):
    typed = [*tiny, "network.dropout=0", *COMMON]
    train(*typed, "trainer.max_steps=30", "hydra.run.dir=whole")
    train(*typed, "trainer.max_steps=10", "trainer.devices=2", "hydra.run.dir=parts")
    for devices, steps in ((1, 20), (2, 30)):
        resumed = train("resume=parts", f"trainer.devices={devices}", f"trainer.max_steps={steps}")
        assert resumed.returncode == 0, resumed.stderr
    torch.testing.assert_close(losses(tmp_path / "parts"), losses(tmp_path / "whole"), rtol=1e-4, atol=1e-5)


def test_a_sweep_starts_the_processes_of_each_job(train, tiny, tmp_path):
    done = train("-m", *tiny, "seed=0,1", "trainer.devices=2", "hydra.sweep.dir=sweep")
    assert done.returncode == 0, done.stderr
    records = [json.loads(path.read_text()) for path in (tmp_path / "sweep").glob("*/run.json")]
    assert [(r["status"], r["iterations"], r["device"]) for r in records] == [("finished", 4, "2 x cpu")] * 2


def test_evaluations_and_files_are_those_of_one_process(train, measured, tmp_path):
    typed = [*measured, "network.dropout=0", "trainer.max_steps=4"]
    for devices in (1, 2):
        done = train(*typed, f"trainer.devices={devices}", f"hydra.run.dir=run {devices}")
        assert done.returncode == 0, done.stderr
    one, two = tmp_path / "run 1", tmp_path / "run 2"
    names = [
        {str(path.relative_to(run)) for path in run.rglob("*") if "tfevents" not in path.name} for run in (one, two)
    ]
    assert names[0] == names[1]
    assert len(list(two.glob("events.out.tfevents.*"))) == len(list(one.glob("events.out.tfevents.*")))
    figures = [record(run)["evaluation"]["figures"] for run in (one, two)]
    assert figures[1] == pytest.approx(figures[0], rel=1e-3)
    lines = [[json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()] for run in (one, two)]
    assert [line["step"] for line in lines[0]] == [line["step"] for line in lines[1]]


def test_what_fails_in_one_process_ends_all_and_stands_in_the_log(train, tiny, tmp_path, monkeypatch):
    (tmp_path / "faulty.py").write_text(
        "import os\n"
        "from ganexp.regularizers import Regularizer\n"
        "class Faulty(Regularizer):\n"
        "    def penalty(self, *_):\n"
        "        if os.environ.get('RANK') == '1':\n"
        "            raise ZeroDivisionError('only here')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    failed = train(*tiny, "+regularizer.faulty._target_=faulty.Faulty", "trainer.devices=2", "hydra.run.dir=run")
    assert failed.returncode == 1
    log = (tmp_path / "run" / "train.log").read_text()
    assert "Process 1 failed:" in log and "ZeroDivisionError: only here" in log
    assert record(tmp_path / "run")["status"] == "failed"
    assert "Another process of this run ended" in record(tmp_path / "run")["why"]


def start(folder: Path, *typed: str, module: tuple[str, ...] = ()) -> subprocess.Popen:
    """The command in a process of its own, as a user types it."""
    command = [sys.executable, "-m", *module, "ganexp.train", *typed, "hydra.run.dir=run"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True)


def children(process: subprocess.Popen) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
    return [int(number) for number in listed.stdout.split()]


def wait_until_it_trains(folder: Path, process: subprocess.Popen) -> None:
    run = folder / "run" / "run.json"
    while not (run.is_file() and "start_seconds" in run.read_text()):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.1)


def alive(number: int) -> bool:
    """Whether the process exists and is no zombie."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True).stdout
    return bool(shown.strip()) and not shown.startswith("Z")


@pytest.fixture
def endless(tiny) -> list[str]:
    return [*tiny, "trainer.max_steps=1000000", "trainer.devices=2", "samples.every=0", "checkpoint.every=0"]


def test_a_process_that_is_killed_ends_all(tmp_path, endless):
    process = start(tmp_path, *endless)
    wait_until_it_trains(tmp_path, process)
    (follower,) = children(process)
    os.kill(follower, signal.SIGKILL)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Another process of this run ended" in printed
    assert record(tmp_path / "run")["status"] == "failed"


def test_the_others_end_with_process_0(tmp_path, endless):
    process = start(tmp_path, *endless)
    wait_until_it_trains(tmp_path, process)
    (follower,) = children(process)
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while alive(follower):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_signal_stops_all_processes_after_the_same_iteration(tmp_path, endless, train):
    process = start(tmp_path, *endless)
    wait_until_it_trains(tmp_path, process)
    process.send_signal(signal.SIGTERM)
    _, printed = process.communicate(timeout=60)
    run = tmp_path / "run"
    assert process.returncode == 130 and "Traceback" not in printed, printed
    done = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]
    assert record(run)["status"] == "interrupted" and record(run)["iterations"] == done > 0
    assert "failed" not in (run / "train.log").read_text()
    resumed = train("resume=run", "trainer.devices=1", f"trainer.max_steps={done + 2}")
    assert resumed.returncode == 0, resumed.stderr


def test_torchrun_starts_the_processes_of_one_run(train, tiny, tmp_path):
    typed = [*tiny, "network.dropout=0", *COMMON, "trainer.max_steps=10"]
    train(*typed, "hydra.run.dir=alone")
    torchrun = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")
    process = start(tmp_path, *typed, "trainer.devices=auto", module=torchrun)
    _, printed = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    torch.testing.assert_close(losses(tmp_path / "run"), losses(tmp_path / "alone"), rtol=1e-4, atol=1e-5)


def test_slurm_starts_the_processes_of_one_run(train, tiny, tmp_path, monkeypatch):
    typed = [*tiny, "network.dropout=0", *COMMON, "trainer.max_steps=10"]
    train(*typed, "hydra.run.dir=alone")
    processes = []
    for rank in ("0", "1"):
        slurm(monkeypatch, rank)
        processes.append(start(tmp_path, *typed, "trainer.devices=2"))
    for process in processes:
        _, printed = process.communicate(timeout=120)
        assert process.returncode == 0, printed
    torch.testing.assert_close(losses(tmp_path / "run"), losses(tmp_path / "alone"), rtol=1e-4, atol=1e-5)
