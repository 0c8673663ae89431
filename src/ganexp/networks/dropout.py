"""Dropout that does not hold the CPU up."""

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

_LEVELS = 1 << 16


class Dropout(nn.Module):
    """`nn.Dropout`, several times as fast on a CPU, where torch draws Bernoulli numbers one by one.

    A 64-bit random word gives four 16-bit levels, each compared with the keep
    rate, which is thereby exact to 2^-16. Seeded by torch's generator.
    """

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate
        # Signed levels run from -2^15: this many of them lie below the threshold.
        self._kept = round((1 - rate) * _LEVELS)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self._kept == _LEVELS:
            return x
        if x.device.type != "cpu" or self._kept == 0:
            return dropout(x, self.rate)
        words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.int16)[: x.numel()].view(x.shape) < self._kept - _LEVELS // 2
        return x * kept.to(x.dtype).mul_(_LEVELS / self._kept)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"
