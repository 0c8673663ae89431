"""Times a sweep of two jobs, one after another and side by side: `python -m benchmarks.sweep`.

Side by side, joblib gives each job half of the cores (`pip install -e '.[joblib]'`). The time is that of the whole
command. Evaluations are off, so nearly all of the time is training.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from statistics import median

LAUNCHERS = {
    "one after another": [],
    "side by side": ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=2000, help="of every job (2000)")
    parser.add_argument("--rounds", type=int, default=3, help="whose median counts (3)")
    parser.add_argument("words", nargs="*", help="more words for ganexp.train, such as model=r1gan")
    arguments = parser.parse_args()
    launcher = ("hydra_plugins", "hydra_plugins.hydra_joblib_launcher")
    if any(importlib.util.find_spec(package) is None for package in launcher):
        sys.exit("side by side needs joblib's launcher: pip install -e '.[joblib]'")
    rounds = []
    for number in range(arguments.rounds):
        # The order alternates, so that a machine that slows down or speeds up favours neither.
        names = list(LAUNCHERS)[:: -1 if number % 2 else 1]
        rounds.append({name: seconds([*LAUNCHERS[name], *arguments.words], arguments.iterations) for name in names})
        print(rounds[-1], file=sys.stderr)
    for name in LAUNCHERS:
        print(f"{name:20}{median(times[name] for times in rounds):8.1f} s")
    ratio = median(times["one after another"] / times["side by side"] for times in rounds)
    print(f"side by side is {ratio:.2f} x as fast")


def seconds(words: list[str], iterations: int) -> float:
    """The seconds that a sweep over two seeds takes."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ganexp.train", "-m", *words, "seed=0,1", "evaluation.every=0"]
        command += ["trainer.accelerator=cpu", f"trainer.max_steps={iterations}", f"hydra.sweep.dir={folder}"]
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"})
        if done.returncode:
            sys.exit(f"{done.stderr[-4000:]}\nfailed: {' '.join(command)}")
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
