"""Kills runs at random moments, resumes them, and compares their ends with that of a calm run, which nobody stops:
`python -m benchmarks.faults`.

Everything must be equal bit for bit: the networks, the optimizers, the state of the random numbers, the evaluations
and the grids. TensorBoard must show each iteration once, and no unfinished file may be left.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import torch
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from ganexp.data.fake import Fake
from ganexp.evaluators.classifier import Architecture
from ganexp.evaluators.evaluator import save
from ganexp.evaluators.fitting import Fitting, fit
from ganexp.run_folder.folder import RunFolder

Way = list[tuple[float, signal.Signals]]
"""Signals, and the seconds to wait before each."""

WAYS: dict[str, Way] = {
    "kill -9": [(0, signal.SIGKILL)],
    "kill -9, and -9 again while it resumes": [(0, signal.SIGKILL)],
    "SIGTERM": [(0, signal.SIGTERM)],
    "SIGINT": [(0, signal.SIGINT)],
    "two SIGINT 10 ms apart": [(0, signal.SIGINT), (0.01, signal.SIGINT)],
    "SIGTERM, and 10 ms later SIGINT": [(0, signal.SIGTERM), (0.01, signal.SIGINT)],
    "SIGHUP": [(0, signal.SIGHUP)],
    "SIGTERM, and 0.5 s later kill -9": [(0, signal.SIGTERM), (0.5, signal.SIGKILL)],
}

PHASES = ("start", "training", "training", "training", "evaluation")
"""Where the moment of a kill lies: three of five in the training."""

DATA = ("data=fake", "data.n=256", "data.image_size=28", "data.channels=1", "data.classes=2")
SETTINGS = (
    *DATA,
    "data.batch_size=8",
    "model.hidden=8",
    "network.dropout=0.3",
    "trainer.accelerator=cpu",
    "trainer.log_every_n_steps=5",
    "samples.every=20",
    "checkpoint.every=15",
    "checkpoint.keep=2",
    "evaluation.every=50",
    "evaluation.samples=100",
    "evaluation.final=500",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="how many runs are killed (50)")
    parser.add_argument("--iterations", type=int, default=400, help="of every run (400)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (0)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # Under nohup the runs would rightly ignore SIGHUP.
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        faults = sum(kills(arguments.kills, arguments.iterations, random.Random(arguments.seed)))
    sys.exit(1 if faults else 0)


def kills(number: int, iterations: int, moments: random.Random) -> list[bool]:
    """Kill `number` runs in the current directory and print a table. True for each run that ended differently."""
    evaluator = Path("evaluator.pt").absolute()
    train_evaluator(evaluator)
    typed = (*SETTINGS, f"trainer.max_steps={iterations}", f"data.evaluator={evaluator}")
    calm = RunFolder(Path("calm"))
    _, printed = command("train", *typed, "hydra.run.dir=calm").communicate()
    if not calm.last.is_file():
        sys.exit(f"the calm run failed:\n{printed}")
    table: dict[str, list[bool]] = defaultdict(list)
    hits: dict[str, Counter[str]] = defaultdict(Counter)
    for kill in range(number):
        name = list(WAYS)[kill % len(WAYS)]
        run, again = RunFolder(Path(f"run-{kill}")), "again" in name
        phase = PHASES[kill % len(PHASES)]
        said = [interrupted(start(run, typed), run, phase, calm, moments.random(), WAYS[name])]
        at = state(run, iterations)
        hits[name][at] += 1
        if again:
            said.append(interrupted(start(run, typed), run, "training", calm, moments.random(), WAYS[name]))
        _, printed = start(run, typed).communicate()
        said.append(printed)
        found = differences(run, calm) + ["a traceback"] * any("Traceback" in text for text in said)
        table[name].append(bool(found))
        print(f"{kill + 1:3} {name}, {at}: {'; '.join(found) or 'like the calm run'}", file=sys.stderr, flush=True)
        if found:
            print("\n".join(said), file=sys.stderr, flush=True)
    print("| how it was killed | runs | before a checkpoint | between two | after the last | ended like the calm run |")
    print("|---|---|---|---|---|---|")
    for name, faults in table.items():
        places = " | ".join(str(hits[name][place]) for place in ("before", "while", "after"))
        print(f"| {name} | {len(faults)} | {places} | {faults.count(False)} |")
    ends = [fault for faults in table.values() for fault in faults]
    total = " | ".join(str(sum(counter[place] for counter in hits.values())) for place in ("before", "while", "after"))
    print(f"| all | {len(ends)} | {total} | {ends.count(False)} |")
    return ends


def train_evaluator(path: Path) -> None:
    """The command would refuse this evaluator: nobody can tell classes of noise apart. It only has to be small."""
    pictures = Fake(batch_size=8, n=256, image_size=28, channels=1, classes=("0", "1")).load()
    architecture = Architecture((4, 4, 4), pooled=False)
    fitting = Fitting(epochs=1, batch_size=32, lr=0.01, weight_decay=0, label_smoothing=0, shift=0)
    save(fit(architecture, fitting, pictures, False, torch.device("cpu")), architecture, fitting, pictures, path)


def command(name: str, *typed: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", f"ganexp.{name}", *typed],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(Path("cache").absolute())},
    )


def start(run: RunFolder, typed: tuple[str, ...]) -> subprocess.Popen:
    """What a user types: the command, or `resume=` once there is a checkpoint."""
    if run.has_checkpoint():
        return command("train", f"resume={run.path}")
    return command("train", *typed, f"hydra.run.dir={run.path}")


def interrupted(process: subprocess.Popen, run: RunFolder, phase: str, calm: RunFolder, moment: float, way: Way) -> str:
    """Send the signals of `way` at a moment, 0 to 1, of a phase. Returns what the process printed until its end."""
    record = calm.known_record()
    if phase == "start":
        seconds = record["start_seconds"]
    elif phase == "training":
        wait_until(lambda: run.record.is_file() and "start_seconds" in running(run), process)
        seconds = record["seconds"]
    else:
        wait_until(lambda: running(run).get("iterations") == calm.known_record()["iterations"], process)
        seconds = record["evaluation"]["seconds"]
    time.sleep(moment * seconds)
    for wait, number in way:
        time.sleep(wait)
        process.send_signal(number)
    return process.communicate()[1]


def wait_until(reached: Callable[[], bool], process: subprocess.Popen) -> None:
    while process.poll() is None and not reached():
        time.sleep(0.01)


def running(run: RunFolder) -> dict:
    """The record of a run that a process works on; empty otherwise."""
    record = run.known_record()
    return record if record.get("status") == "running" else {}


def state(run: RunFolder, iterations: int) -> str:
    if not run.has_checkpoint():
        return "before"
    saved = torch.load(run.last, weights_only=True)["global_step"] if run.last.is_file() else 0
    return "after" if saved == iterations else "while"


def differences(run: RunFolder, calm: RunFolder) -> list[str]:
    """What is different from the calm run."""
    try:
        a, b = (torch.load(folder.last, weights_only=True) for folder in (run, calm))
        parts = ("global_step", "state_dict", "optimizer_states", "rng")
        found = [part for part in parts if not equal(a[part], b[part])]
        found += ["evaluations"] * (evaluations(run) != evaluations(calm))
        grids = [{path.name: path.read_bytes() for path in folder.grids()} for folder in (run, calm)]
        # A run that a signal stopped has one more grid, of the iteration at which it stopped.
        found += ["grids"] * (not grids[1].items() <= grids[0].items())
        found += ["TensorBoard"] * (logged(run) != logged(calm))
        found += ["unfinished files"] * any(path.name.startswith(".unfinished") for path in run.path.rglob(".*"))
        record = run.known_record()
        found += [f"status {record.get('status')}"] * (record.get("status") != "finished")
        final = [folder.known_record().get("evaluation", {}).get("figures") for folder in (run, calm)]
        return found + ["final evaluation"] * (final[0] != final[1] or not final[0])
    except (OSError, KeyError, ValueError) as error:
        return [f"{type(error).__name__}: {error}"]


def equal(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


def evaluations(run: RunFolder) -> list[dict]:
    """The evaluations during the training, from `metrics.jsonl`. Full evaluations are left out, because a run whose end
    was not saved repeats them."""
    lines = [json.loads(text) for text in run.metrics.read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines if "figures" not in line]


def logged(run: RunFolder) -> Counter[int]:
    events = EventAccumulator(str(run.path), size_guidance={"tensors": 0})
    events.Reload()
    return Counter(point.step for point in events.Tensors("loss/generator"))


if __name__ == "__main__":
    main()
