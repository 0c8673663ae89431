"""What a training leaves of the process's memory."""

import subprocess
import sys

import pytest

PROGRAM = """
from pathlib import Path
from ganexp.processes.memory import freed_memory_kept

def own():
    words = Path("/proc/self/status").read_text().split()
    return int(words[words.index("RssAnon:") + 1]) >> 10

before = own()
with freed_memory_kept():
    steps = [bytearray(b"1" * (4 << 20)) for _ in range(40)]
    del steps
    print(own() - before)
print(own() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the block changes nothing")
def test_a_training_keeps_the_memory_of_freed_tensors_and_returns_it_at_its_end():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    inside, after = map(int, done.stdout.split())
    assert inside > 100  # MB, of 160
    assert after < 20
