"""Compares the speed of `ganexp.train` with other programs of the same GAN: `python benchmarks/speed.py`.

In every round all programs run on the CPU, one after another. Each has a terminal of its own, so that progress bars
are on.
"""

import argparse
import fcntl
import importlib.util
import json
import os
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from statistics import median

OURS = "ganexp"
SCRIPTS = {
    "raw": ("hand-optimised raw loop", "raw_loop.py"),
    "tutorial": ("usual PyTorch tutorial", "tutorial_loop.py"),
    "lightning": ("naive Lightning", "naive_lightning.py"),
    "keras": ("Keras tutorial", "keras_tutorial.py"),
}
Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=2000, help="of every program in every round (2000)")
    parser.add_argument("--rounds", type=int, default=3, help="whose median counts (3)")
    parser.add_argument("--only", nargs="+", choices=[OURS, *SCRIPTS], default=[OURS, *SCRIPTS], metavar="NAME")
    arguments = parser.parse_args()
    if arguments.iterations <= 50 or arguments.rounds < 1:
        parser.error("--iterations must be more than 50, because the first 50 are not counted; --rounds 1 or more")
    names = list(dict.fromkeys(arguments.only))
    if "keras" in names and importlib.util.find_spec("tensorflow") is None:
        names.remove("keras")
        print("Keras is left out: tensorflow is not installed (pip install -e '.[keras]').\n", flush=True)
    rounds: list[dict[str, Figures]] = []
    for number in range(1, arguments.rounds + 1):
        rounds.append({})
        # The order alternates, so that a machine that slows down or speeds up favours no program.
        for name in names if number % 2 else reversed(names):
            rounds[-1][name] = figures = measure(name, arguments.iterations)
            speed = figures["iterations_per_second"]
            print(f"round {number} of {arguments.rounds}: {name}, {speed:.1f} it/s", file=sys.stderr)
    print(table(rounds))


def measure(name: str, iterations: int) -> Figures:
    """start_s, iterations_per_second and peak_mb of one run."""
    if name != OURS:
        output = run(str(Path(__file__).with_name(SCRIPTS[name][1])), str(iterations))
        return json.loads(output[output.rindex("{") : output.rindex("}") + 1])
    with tempfile.TemporaryDirectory() as folder:
        run(
            *("-m", "ganexp.train", "model=vanilla", "trainer.accelerator=cpu"),
            *(f"trainer.max_steps={iterations}", f"hydra.run.dir={folder}"),
        )
        record = json.loads((Path(folder) / "run.json").read_text())
    return {"start_s": record["start_seconds"]} | {key: record[key] for key in ("iterations_per_second", "peak_mb")}


def run(*arguments: str) -> str:
    """What Python writes to a terminal of 120 columns; exits if it fails."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1"}
    process = subprocess.Popen([sys.executable, *arguments], stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    pieces: list[bytes] = []
    try:
        while piece := os.read(ours, 1 << 16):
            pieces.append(piece)
    except OSError:
        pass  # Linux raises this when the writers have closed the terminal.
    os.close(ours)
    output = b"".join(pieces).decode(errors="replace")
    if process.wait():
        sys.exit(f"{output[-4000:]}\nfailed: {' '.join(['python', *arguments])}")
    return output


def table(rounds: list[dict[str, Figures]]) -> str:
    """Markdown: medians over the rounds; ratios are taken within a round."""
    lines = [
        "| program | it/s | spread | ganexp is × as fast | to first iteration, s | peak MB |",
        "|---|---|---|---|---|---|",
    ]
    for name in rounds[0]:
        speeds = [figures[name]["iterations_per_second"] for figures in rounds]
        start, peak = (median(figures[name][key] for figures in rounds) for key in ("start_s", "peak_mb"))
        ratio = "–"
        if OURS in rounds[0]:
            ratio = f"{median(f[OURS]['iterations_per_second'] / f[name]['iterations_per_second'] for f in rounds):.2f}"
        title = "`ganexp.train model=vanilla`" if name == OURS else SCRIPTS[name][0]
        spread = (max(speeds) - min(speeds)) / median(speeds)
        lines.append(f"| {title} | {median(speeds):.1f} | {spread:.0%} | {ratio} | {start:.1f} | {peak:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
