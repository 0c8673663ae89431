"""The time that evaluations take: `python -m benchmarks.evaluation`.

It measures two times: that of the evaluations of a training, at the default interval, as a share of the time of the
same training without evaluations; and that of the whole command that measures 10,000 samples of a finished run. The
features of real pictures are computed before, because a user computes them only once.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="vanilla", help="a recipe (vanilla)")
    parser.add_argument("--iterations", type=int, default=4000, help="of each training (4000)")
    parser.add_argument("--rounds", type=int, default=3, help="whose median counts (3)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        train(run, arguments.model, 100, ["evaluation.every=100"])
        commands, shares = [], []
        for number in range(arguments.rounds):
            commands.append(ganexp("evaluate", f"run={run}", "n=10000"))
            # The order alternates, so that a machine that slows down or speeds up favours neither.
            times = {}
            for measured in (True, False)[:: -1 if number % 2 else 1]:
                typed = [] if measured else ["evaluation.every=0"]
                times[measured] = train(
                    Path(folder, f"{number}_{measured}"), arguments.model, arguments.iterations, typed
                )
            shares.append(times[True] / times[False] - 1)
            print(f"{commands[-1]:.1f} s, {shares[-1]:.1%}", file=sys.stderr)
    print(f"python -m ganexp.evaluate run=… n=10000   {median(commands):.1f} s")
    print(f"evaluations while {arguments.model} trains       {median(shares):.1%} of its time")


def train(run: Path, model: str, iterations: int, typed: list[str]) -> float:
    """Seconds from the first to the last iteration."""
    ganexp("train", f"model={model}", f"trainer.max_steps={iterations}", f"hydra.run.dir={run}", *typed)
    return json.loads((run / "run.json").read_text())["seconds"]


def ganexp(command: str, *typed: str) -> float:
    """Seconds that a whole command takes, on the CPU."""
    began = time.perf_counter()
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, "-m", f"ganexp.{command}", *typed], capture_output=True, text=True, env=environment
    )
    if done.returncode:
        sys.exit(f"{done.stderr[-4000:]}\nfailed: {command} {' '.join(typed)}")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
