"""What CUDA graphs bring: `python -m benchmarks.gpu`, on a machine with an NVIDIA GPU, in some three minutes.

Each recipe is trained with graphs and without, and beside them a loop that was written and captured by hand. All run
one after another. The table goes to docs/performance.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

ROWS = {
    "vanilla": ([], (28, 1)),
    "r1gan": ([], (28, 1)),
    "dcgan": ([], (28, 1)),
    "sngan": ([], (28, 1)),
    "dcgan, 32 px": (["data=fake", "data.n=10000"], (32, 3)),
    "sngan, 32 px": (["data=fake", "data.n=10000"], (32, 3)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=8000, help="of every captured loop (8000)")
    parser.add_argument("--eager", type=int, default=1000, help="of every training without graphs (1000)")
    parser.add_argument("--only", nargs="+", choices=[*ROWS], default=[*ROWS], metavar="NAME")
    arguments = parser.parse_args()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}\n", flush=True)
    print("| recipe | eager, it/s | graphs, it/s | by hand, it/s | graphs / eager | graphs / by hand |")
    print("|---|---|---|---|---|---|", flush=True)
    for name in arguments.only:
        overrides, (size, channels) = ROWS[name]
        recipe = name.partition(",")[0]
        eager = trained(recipe, overrides, arguments.eager, "off")
        graphs = trained(recipe, overrides, arguments.iterations, "auto")
        by_hand = written_by_hand(recipe, arguments.iterations, size, channels)
        print(
            f"| `{name}` | {eager:.0f} | {graphs:.0f} | {by_hand:.0f} | {graphs / eager:.1f} | {graphs / by_hand:.2f} |",
            flush=True,
        )


def trained(recipe: str, overrides: list[str], iterations: int, graphs: str) -> float:
    """Iterations a second of `ganexp.train`, with all that is written beside a training but evaluations."""
    with tempfile.TemporaryDirectory() as folder:
        typed = [f"model={recipe}", *overrides, f"trainer.max_steps={iterations}", f"trainer.graphs={graphs}"]
        typed += ["trainer.accelerator=gpu", "evaluation.every=0", f"hydra.run.dir={folder}/run"]
        run([sys.executable, "-m", "ganexp.train", *typed])
        return json.loads(Path(folder, "run", "run.json").read_text())["iterations_per_second"]


def written_by_hand(recipe: str, iterations: int, size: int, channels: int) -> float:
    script = str(Path(__file__).with_name("captured_loop.py"))
    return json.loads(run([sys.executable, script, recipe, str(iterations), str(size), str(channels)]))[
        "iterations_per_second"
    ]


def run(command: list[str]) -> str:
    """What the command prints; exits if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stderr[-3000:]}\nfailed: {' '.join(command)}")
    return done.stdout


if __name__ == "__main__":
    main()
