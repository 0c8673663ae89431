"""The choice of a device, the same for every command that has a `device` key."""

import torch

from ganexp.errors import UserError


def choose(name: str) -> torch.device:
    """The device of that name: `cpu`, `cuda` or `mps`. `auto` is CUDA if there is a GPU, else the CPU.

    UserError if this machine has no such device.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device("cuda" if available["cuda"] else "cpu")
    if not available.get(name, False):
        usable = ", ".join(device for device, there in available.items() if there)
        raise UserError(f"device={name}: this machine has no such device; it has {usable}: type device=cpu")
    return torch.device(name)
