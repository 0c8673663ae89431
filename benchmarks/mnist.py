"""MNIST's training pictures, from the files that come with ganexp."""

import gzip
from pathlib import Path

import numpy as np

_FILE = Path(__file__).parents[1] / "src/ganexp/data/mnist_files/train-images-idx3-ubyte.gz"


def pictures() -> np.ndarray:
    """uint8 [60000, 28, 28]."""
    with gzip.open(_FILE) as file:
        # A bytearray, because torch needs memory that may be written to. The header has 16 bytes.
        return np.frombuffer(bytearray(file.read()), np.uint8, offset=16).reshape(-1, 28, 28)
