"""How much faster CUDA graphs make a training: `python -m benchmarks.gpu`. It takes about two minutes on an NVIDIA GPU.

Each recipe is trained with graphs and without. For comparison, a loop that was written and captured by hand trains the
same GAN. All trainings run one after another in one process. docs/performance.md has the table.
"""

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks import captured_loop
from ganexp import train

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
    print("| recipe | eager, it/s | graphs, it/s | graphs in bf16, it/s | by hand, it/s | × eager | × by hand |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in arguments.only:
        overrides, (size, channels) = ROWS[name]
        recipe = name.partition(",")[0]
        eager = trained(recipe, arguments.eager, *overrides, "trainer.graphs=off")
        graphs = trained(recipe, arguments.iterations, *overrides)
        half = trained(recipe, arguments.iterations, *overrides, "trainer.precision=bf16-mixed")
        by_hand = captured_loop.speed(recipe, arguments.iterations, size, channels)
        cells = [f"{eager:.0f}", f"{graphs:.0f}", f"{half:.0f}", f"{by_hand:.0f}"]
        print(f"| `{name}` | {' | '.join(cells)} | {graphs / eager:.1f} | {graphs / by_hand:.2f} |", flush=True)


def trained(recipe: str, iterations: int, *overrides: str) -> float:
    """Iterations a second of `ganexp.train` with its curves and checkpoints, without grids and evaluations."""
    with tempfile.TemporaryDirectory() as folder:
        typed = [f"model={recipe}", *overrides, f"trainer.max_steps={iterations}", "trainer.accelerator=gpu"]
        sys.argv = ["train", *typed, "samples.every=0", "evaluation.every=0", f"hydra.run.dir={folder}/run"]
        os.environ["HYDRA_FULL_ERROR"] = "0"
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                train.main()
        except SystemExit:
            sys.exit(f"{said.getvalue()[-3000:]}\nfailed: {' '.join(sys.argv)}")
        return json.loads(Path(folder, "run", "run.json").read_text())["iterations_per_second"]


if __name__ == "__main__":
    main()
