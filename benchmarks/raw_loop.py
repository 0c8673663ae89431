"""The tutorial's MLP GAN in plain PyTorch, optimised by hand. ganexp should be as fast as this loop.

Dropout and the allocator's setting are copied here, not imported, so that a mistake in ganexp cannot slow both sides
of the comparison. Nothing is logged.
"""

import measure  # isort: skip  # Before the slow imports.

import copy
import ctypes
import sys
from itertools import pairwise

import mnist
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

BATCH, LATENT = 64, 100


class Dropout(nn.Module):
    """A 64-bit random word gives four 16-bit levels, each compared with the keep rate."""

    def __init__(self, rate: float):
        super().__init__()
        self.kept = round((1 - rate) * 2**16)

    def forward(self, x: Tensor) -> Tensor:
        words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.int16)[: x.numel()].view(x.shape) < self.kept - 2**15
        return x * kept.to(x.dtype).mul_(2**16 / self.kept)


def keep_freed_memory() -> None:
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def generator() -> nn.Module:
    widths = [LATENT, 256, 512, 1024]
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(widths):
        layers += [nn.Linear(narrow, wide), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 784), nn.Tanh())


def discriminator() -> nn.Module:
    widths = [784, 512, 256]
    layers: list[nn.Module] = []
    for wide, narrow in pairwise(widths):
        layers += [nn.Linear(wide, narrow), nn.LeakyReLU(0.2), Dropout(0.4)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1))


def main() -> None:
    meter, iterations = measure.Meter(), measure.iterations()
    keep_freed_memory()
    torch.manual_seed(0)
    pictures = torch.from_numpy(mnist.pictures()).view(-1, 784)
    g, d = generator(), discriminator()
    ema = copy.deepcopy(g).requires_grad_(False)
    of_g, of_d, of_ema = list(g.parameters()), list(d.parameters()), list(ema.parameters())
    adam_g = torch.optim.Adam(of_g, lr=2e-4, betas=(0.5, 0.999), fused=True)
    adam_d = torch.optim.Adam(of_d, lr=2e-4, betas=(0.5, 0.999), fused=True)
    minus_one = torch.tensor(-1.0)
    sign = torch.ones(2 * BATCH, 1)
    sign[:BATCH] = -1

    def descend(loss: Tensor, parameters: list[nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimizer.step()

    batches_an_epoch = len(pictures) // BATCH
    for iteration in range(iterations):
        if iteration % batches_an_epoch == 0:
            order = torch.randperm(len(pictures))[: batches_an_epoch * BATCH].view(-1, BATCH)
        batch = pictures.index_select(0, order[iteration % batches_an_epoch])
        real = torch.add(minus_one, batch, alpha=1 / 127.5)

        with torch.no_grad():
            fake = g(torch.randn(BATCH, LATENT))
        # Binary cross-entropy from logits: softplus(-x) if real, softplus(x) if fake.
        descend(softplus(d(torch.cat((real, fake))) * sign).sum() / BATCH, of_d, adam_d)
        descend(softplus(-d(g(torch.randn(BATCH, LATENT)))).mean(), of_g, adam_g)
        with torch.no_grad():
            torch._foreach_lerp_(of_ema, of_g, 0.001)
        meter.tick()
    meter.report()


if __name__ == "__main__":
    main()
