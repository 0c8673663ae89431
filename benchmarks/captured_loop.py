"""GANs in plain PyTorch, written by hand for a GPU: one CUDA graph holds a whole iteration.

ganexp's graphs should be as fast as these loops. The loops log nothing, and they train on noise.
"""

import copy
import time

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus
from torch.nn.utils.parametrizations import spectral_norm

BATCH, WARM_UP = 64, 20


def mlp_pair(size: int, channels: int) -> tuple[nn.Module, nn.Module, int]:
    pixels = channels * size * size
    leaky = nn.LeakyReLU(0.2)
    g = nn.Sequential(
        *(nn.Linear(100, 256), leaky, nn.Linear(256, 512), leaky, nn.Linear(512, 1024), leaky),
        *(nn.Linear(1024, pixels), nn.Unflatten(1, (channels, size, size)), nn.Tanh()),
    )
    d = nn.Sequential(
        *(nn.Flatten(), nn.Linear(pixels, 512), leaky, nn.Dropout(0.4), nn.Linear(512, 256), leaky, nn.Dropout(0.4)),
        nn.Linear(256, 1),
    )
    return g, d, 100


def r1_pair(size: int, channels: int) -> tuple[nn.Module, nn.Module, int]:
    half, leaky = size // 2, nn.LeakyReLU(0.2)
    g = nn.Sequential(
        *(nn.Linear(32, 128), nn.BatchNorm1d(128), leaky, nn.Linear(128, 256), nn.BatchNorm1d(256), leaky),
        *(nn.Linear(256, 8 * half * half), nn.BatchNorm1d(8 * half * half), leaky, nn.Unflatten(1, (8, half, half))),
        *(nn.ConvTranspose2d(8, channels, 4, 2, 1), nn.Tanh()),
    )
    d = nn.Sequential(
        *(nn.Flatten(), nn.Linear(channels * size * size, 512), leaky, nn.Linear(512, 256), leaky, nn.Linear(256, 1)),
    )
    return g, d, 32


def conv_pair(size: int, channels: int, latent: int, spectral: bool) -> tuple[nn.Module, nn.Module, int]:
    times = 2 if size == 28 else 3
    side, wide = size >> times, 64 << (times - 1)
    layers: list[nn.Module] = [nn.Linear(latent, wide * side * side, bias=False), nn.Unflatten(1, (wide, side, side))]
    layers += [nn.BatchNorm2d(wide), nn.ReLU()]
    for _ in range(times - 1):
        layers += [nn.ConvTranspose2d(wide, wide // 2, 4, 2, 1, bias=False), nn.BatchNorm2d(wide // 2), nn.ReLU()]
        wide //= 2
    g = nn.Sequential(*layers, nn.ConvTranspose2d(wide, channels, 4, 2, 1), nn.Tanh())
    norm = spectral_norm if spectral else (lambda layer: layer)
    layers, wide = [norm(nn.Conv2d(channels, 64, 4, 2, 1)), nn.LeakyReLU(0.2)], 64
    for _ in range(times - 1):
        layers += [norm(nn.Conv2d(wide, 2 * wide, 4, 2, 1, bias=spectral))]
        layers += [nn.BatchNorm2d(2 * wide)] * (not spectral) + [nn.LeakyReLU(0.2)]
        wide *= 2
    return g, nn.Sequential(*layers, nn.Flatten(), norm(nn.Linear(wide * side * side, 1))), latent


def bce(real: Tensor, fake: Tensor) -> Tensor:
    return (softplus(-real) + softplus(fake)).mean()


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    return (relu(1 - real) + relu(1 + fake)).mean()


def speed(name: str, iterations: int, size: int, channels: int) -> float:
    """Iterations a second of the recipe `name`, without warm-up and capture."""
    torch.manual_seed(0)
    pairs = {
        "vanilla": lambda: mlp_pair(size, channels),
        "r1gan": lambda: r1_pair(size, channels),
        "dcgan": lambda: conv_pair(size, channels, 100, spectral=False),
        "sngan": lambda: conv_pair(size, channels, 128, spectral=True),
    }
    g, d, latent = pairs[name]()
    g, d = g.cuda(), d.cuda()
    ema = copy.deepcopy(g).requires_grad_(False)
    of_g, of_d = list(g.parameters()), list(d.parameters())
    averaged, current = ([*n.parameters(), *(b for b in n.buffers() if b.is_floating_point())] for n in (ema, g))
    adam_g, adam_d = (torch.optim.Adam(p, 2e-4, (0.5, 0.999), fused=True, capturable=True) for p in (of_g, of_d))
    pictures = torch.randint(256, (60_000, channels, size, size), dtype=torch.uint8, device="cuda")
    rows = torch.zeros(BATCH, dtype=torch.int64, device="cuda")
    mixes = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in d.modules())

    def descend(loss: Tensor, parameters: list[nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimizer.step()

    def iterate(penalised: bool) -> None:
        real = pictures[rows] / 127.5 - 1
        with torch.no_grad():
            fake = g(torch.randn(BATCH, latent, device="cuda"))
        of_real, of_fake = (d(real), d(fake)) if mixes else d(torch.cat((real, fake))).chunk(2)
        loss = (hinge if name == "sngan" else bce)(of_real, of_fake)
        if penalised:
            points = real.detach().requires_grad_()
            (gradients,) = torch.autograd.grad(d(points).sum(), points, create_graph=True)
            loss = loss + 4 * 0.5 * gradients.flatten(1).square().sum(1).mean()
        descend(loss, of_d, adam_d)
        logits = d(g(torch.randn(BATCH, latent, device="cuda")))
        descend(-logits.mean() if name == "sngan" else softplus(-logits).mean(), of_g, adam_g)

    kinds = (True, False) if name == "r1gan" else (False,)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            for kind in kinds:
                iterate(kind)
    torch.cuda.current_stream().wait_stream(stream)
    graphs = {}
    for kind in kinds:
        graphs[kind] = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graphs[kind]):
            iterate(kind)

    per_epoch = len(pictures) // BATCH
    began = 0.0
    for iteration in range(iterations):
        if iteration % per_epoch == 0:
            order = torch.randperm(len(pictures), device="cuda")[: per_epoch * BATCH].view(per_epoch, BATCH)
        if iteration == WARM_UP:
            torch.cuda.synchronize()
            began = time.perf_counter()
        rows.copy_(order[iteration % per_epoch])
        graphs[name == "r1gan" and iteration % 4 == 0].replay()
        if iteration % 4 == 0:
            torch._foreach_lerp_(averaged, current, 0.004)
    torch.cuda.synchronize()
    return (iterations - WARM_UP) / (time.perf_counter() - began)
