"""Dropout that is fast on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

_LEVELS = 1 << 16


class Dropout(nn.Module):
    """`nn.Dropout`, but several times as fast on a CPU: torch draws Bernoulli numbers one by one there.

    One random word of 64 bits gives four levels of 16 bits. A feature is kept if its level lies below the keep rate,
    so the rate is exact to 2^-16. The words come from torch's default generator.

    In a run of several processes, all processes draw the same words. The run is then not the run of one process, but
    just as random: each process has other pictures.
    """

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate
        # How many of the levels keep a feature. Levels are signed and begin at -2^15.
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
