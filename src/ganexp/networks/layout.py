"""The order of a network's tensors in memory.

A fused optimizer goes through the memory of a weight, of its gradient and of its moments side by side, and never looks
at their strides. If one of them is in another order, the update mixes up the elements, and nothing says so.
"""

import torch
from torch import Tensor, channels_last, nn
from torch.optim import Optimizer


def put_channels_last(network: nn.Module) -> None:
    """Store the channels of each convolution's weights last, because convolutions are faster with this order."""
    network.to(memory_format=channels_last)  # type: ignore[call-overload]  # torch's overloads lack this one.


def in_order_of(parameter: Tensor, tensor: Tensor) -> Tensor:
    """The same numbers, stored in the order in which the parameter is stored."""
    return tensor if tensor.stride() == parameter.stride() else torch.empty_like(parameter).copy_(tensor)


def put_moments_in_order(optimizer: Optimizer) -> None:
    """Store the moments of each parameter in the parameter's order. A checkpoint may have another order."""
    for parameter, moments in optimizer.state.items():
        for name, moment in moments.items():
            if isinstance(moment, Tensor) and moment.shape == parameter.shape:
                moments[name] = in_order_of(parameter, moment)
