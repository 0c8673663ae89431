"""What the processes of one run do together. In a run of one process, nothing is exchanged.

Each process holds the same networks and works on its part of every global batch: process r of n takes the r-th of n
equal parts. All processes draw from equal random streams.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors
from torch.nn.modules.batchnorm import _BatchNorm


def world() -> int:
    """How many processes train the run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def part(rows: Tensor) -> Tensor:
    """This process's part of the rows of a global batch."""
    return rows.chunk(world())[dist.get_rank()] if world() > 1 else rows


def drawn(draw: Callable[[int], Tensor], n: int) -> Tensor:
    """Random numbers for n pictures, such as `drawn(lambda n: torch.rand(n, 1), n)`; `draw` gives one row a picture.

    Several processes draw the rows of the global batch, and each keeps its part. So they draw what one process would.
    """
    return part(draw(n * world()))


def averaged(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    """The mean of each tensor over the processes, by one collective."""
    if world() == 1:
        return tensors
    flat = _flatten_dense_tensors(tensors)
    dist.all_reduce(flat)
    return _unflatten_dense_tensors(flat.div_(world()), tensors)


def total(tensor: Tensor) -> Tensor:
    """The sum over the processes, which gradients flow through."""
    return _Total.apply(tensor) if world() > 1 else tensor


def maximum(value: float, device: torch.device) -> float:
    """The largest of the values that the processes give."""
    if world() == 1:
        return value
    largest = torch.tensor(value, dtype=torch.float32, device=device)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    return largest.item()


def standard_deviation(pictures: Tensor) -> Tensor:
    """`pictures.std()` of the global batch; no gradient flows through it."""
    if world() == 1:
        return pictures.std()
    count = pictures.numel() * world()
    mean = total(pictures.detach().sum()) / count
    return (total((pictures.detach() - mean).square().sum()) / (count - 1)).sqrt()


def share_state(module: nn.Module) -> None:
    """Give every process the `state_dict` of process 0."""
    if world() > 1:
        for tensor in module.state_dict().values():
            dist.broadcast(tensor, 0)


def share_random_state(device: torch.device) -> None:
    """Give every process the state of process 0's random streams."""
    if world() > 1:
        on_device = torch.get_device_module(device) if device.type != "cpu" else None
        states: list[Any] = [torch.get_rng_state(), on_device.get_rng_state(device) if on_device else None]
        dist.broadcast_object_list(states, 0, device=device)
        torch.set_rng_state(states[0])
        if on_device:
            on_device.set_rng_state(states[1], device)


def synchronise_batch_norm(module: nn.Module, device: torch.device) -> None:
    """Let every BatchNorm in `module` take its statistics from the global batch. Names in the `state_dict` stay."""
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(module)
        return
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, GlobalBatchNorm.like(child))


class GlobalBatchNorm(_BatchNorm):
    """BatchNorm with the statistics of the global batch, on any device. `nn.SyncBatchNorm` refuses a CPU."""

    @classmethod
    def like(cls, other: _BatchNorm) -> "GlobalBatchNorm":
        """A layer with the parameters and buffers of `other`."""
        layer = cls(other.num_features, other.eps, other.momentum, other.affine, other.track_running_stats)
        layer._parameters, layer._buffers = other._parameters, other._buffers
        return layer.train(other.training)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"BatchNorm needs pictures or features, not {input.dim()} dimensions")

    def forward(self, input: Tensor) -> Tensor:
        """float [B, C, …] to the same shape."""
        if not self.training or world() == 1:
            return super().forward(input)
        dims = [0, *range(2, input.dim())]
        shape = [1, -1, *[1] * (input.dim() - 2)]
        count = input.numel() // input.shape[1] * world()
        # The variance is the mean square of the deviations from the mean. It needs two sums and is exact for any mean.
        # In float32 also if the layers before compute in half precision.
        mean = total(input.float().sum(dims)) / count
        centred = input.float() - mean.view(shape)
        variance = total(centred.square().sum(dims)) / count
        self._track(mean.detach(), variance.detach() * (count / (count - 1)))
        output = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            output = torch.addcmul(self.bias.view(shape), output, self.weight.view(shape))
        return output.to(input.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        momentum = self.momentum if self.momentum is not None else 1 / self.num_batches_tracked.item()
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)


class _Total(torch.autograd.Function):
    """The derivative of a sum over processes is the sum of what the processes send back."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        return _summed(tensor)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _summed(gradients[0])


def _summed(tensor: Tensor) -> Tensor:
    tensor = tensor.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(tensor)
    return tensor
