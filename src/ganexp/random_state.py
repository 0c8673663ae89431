"""The state of torch's random streams, in a checkpoint."""

from typing import Any

import torch


def of(device: torch.device) -> dict[str, Any]:
    """The state of the stream on the CPU, and of the one on the device that trains."""
    on_accelerator = {} if device.type == "cpu" else {device.type: torch.get_device_module(device).get_rng_state()}
    return {"cpu": torch.get_rng_state(), "accelerator": on_accelerator}


def restore(state: dict[str, Any], device: torch.device) -> None:
    """Set the streams to a state of `of`. The stream of a device is set only if the state is of such a device."""
    torch.set_rng_state(state["cpu"])
    if device.type in state.get("accelerator", {}):
        torch.get_device_module(device).set_rng_state(state["accelerator"][device.type])
