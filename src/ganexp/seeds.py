"""Random numbers for one purpose each: they do not depend on what was drawn before."""

import hashlib

import torch


def generator(*place: int | str) -> torch.Generator:
    """A CPU generator for one purpose, such as `generator(seed, "epoch", 3)`. The same words give the same numbers."""
    # torch's Mersenne Twister uses the lowest 32 bits of a seed. The hash makes them differ between purposes.
    digest = hashlib.sha256(repr(place).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:4]))


def shuffled(size: int) -> torch.Tensor:
    """A random order of `size` things, the same at every call: int64 [size]."""
    # Cached results and trained evaluators depend on the word "reference", so it stays as it is.
    return torch.randperm(size, generator=generator("reference"))
