"""Random numbers that depend on where they are used, and on nothing that was drawn before."""

import hashlib

import torch


def generator(*place: int | str) -> torch.Generator:
    """A CPU generator for this place alone, such as `generator(seed, "epoch", 3)`."""
    # Hashed: torch's Mersenne Twister looks at the lowest 32 bits of a seed, which places would share.
    digest = hashlib.sha256(repr(place).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:4]))


def shuffled(size: int) -> torch.Tensor:
    """A random order of `size` things, the same at every call: int64 [size]."""
    # The name of the place is part of cached results and of evaluators that were trained: it stays as it is.
    return torch.randperm(size, generator=generator("reference"))
