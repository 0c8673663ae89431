"""The memory of a training at its peak, in MB: `python -m benchmarks.memory`. Linux only.

Only a process's own memory counts. Pages of files do not count, because the system may drop them.
"""

import contextlib
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ITERATIONS = 400
TRAIN = ("-m", "ganexp.train", "model=vanilla", "trainer.accelerator=cpu", f"trainer.max_steps={ITERATIONS}")
PROGRAMS = {
    "the loop by hand": (str(Path(__file__).with_name("raw_loop.py")), str(ITERATIONS)),
    "model=vanilla, without evaluations": (*TRAIN, "evaluation.every=0"),
    "model=vanilla, with evaluations": (*TRAIN, "evaluation.every=200"),
}


def main() -> None:
    for name, arguments in PROGRAMS.items():
        print(f"{name:<36}{peak(*arguments):4.0f} MB", flush=True)


def peak(*arguments: str) -> float:
    """The largest memory of a Python process, looked at every 10 ms, in MB. Exits if the process fails."""
    largest = 0
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen([sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            with contextlib.suppress(OSError):  # It has just ended.
                found = re.search(r"RssAnon:\s*(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
                largest = max(largest, int(found[1]) if found else 0)
            time.sleep(0.01)
    if process.returncode:
        sys.exit(process.returncode)
    return largest / 1024


if __name__ == "__main__":
    main()
