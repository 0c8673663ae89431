"""What makes an iteration of the tutorial's GAN faster on a CPU? `python -m benchmarks.iteration`.

It times variants of the loop in `raw_loop.py` in one process, a few iterations of each in turn. A variant changes one
thing of the loop. The last two rows train nothing: they are lower bounds of the time.
"""

import argparse
import copy
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from benchmarks import mnist
from ganexp.networks.dropout import Dropout
from ganexp.processes.memory import freed_memory_kept

BATCH, LATENT, RATE, SLOPE = 64, 100, 0.4, 0.2
G_WIDTHS, D_WIDTHS = [LATENT, 256, 512, 1024, 784], [784, 512, 256, 1]


class Loop:
    """The loop of `raw_loop.py`."""

    def __init__(self, pictures: Tensor):
        torch.manual_seed(0)
        self.pictures, self.done = pictures, 0
        self.order = torch.randperm(len(pictures))[: len(pictures) // BATCH * BATCH].view(-1, BATCH)
        g = [layer for sizes in pairwise(G_WIDTHS[:-1]) for layer in (nn.Linear(*sizes), *self.gate(dropout=False))]
        d = [layer for sizes in pairwise(D_WIDTHS[:-1]) for layer in (nn.Linear(*sizes), *self.gate(dropout=True))]
        self.g = nn.Sequential(*g, nn.Linear(*G_WIDTHS[-2:]), nn.Tanh())
        self.d = nn.Sequential(*d, nn.Linear(*D_WIDTHS[-2:]))
        self.of_g, self.of_d = list(self.g.parameters()), list(self.d.parameters())
        self.of_ema = list(copy.deepcopy(self.g).requires_grad_(False).parameters())
        self.adam_g = torch.optim.Adam(self.of_g, lr=2e-4, betas=(0.5, 0.999), fused=True)
        self.adam_d = torch.optim.Adam(self.of_d, lr=2e-4, betas=(0.5, 0.999), fused=True)
        self.sign = torch.ones(2 * BATCH, 1)
        self.sign[:BATCH] = -1

    def gate(self, dropout: bool) -> list[nn.Module]:
        return [nn.LeakyReLU(SLOPE), *[Dropout(RATE)] * dropout]

    def iterate(self) -> None:
        with torch.no_grad():
            fake = self.g(torch.randn(BATCH, LATENT))
        self.update_d(fake)
        self.update_g(self.g(torch.randn(BATCH, LATENT)))
        self.average()

    def update_d(self, fake: Tensor) -> None:
        loss = softplus(self.d(torch.cat((self.real(), fake))) * self.sign).sum() / BATCH
        descend(self.adam_d, self.of_d, torch.autograd.grad(loss, self.of_d))

    def update_g(self, fake: Tensor) -> None:
        descend(self.adam_g, self.of_g, torch.autograd.grad(softplus(-self.d(fake)).mean(), self.of_g))

    def real(self) -> Tensor:
        chosen = self.pictures.index_select(0, self.order[self.done % len(self.order)])
        self.done += 1
        return torch.add(torch.tensor(-1.0), chosen, alpha=1 / 127.5)

    @torch.no_grad()
    def average(self) -> None:
        torch._foreach_lerp_(self.of_ema, self.of_g, 0.001)


class SeldomAveraged(Loop):
    """The average of G's weights at every fourth iteration, as ganexp does."""

    def average(self) -> None:
        if self.done % 4 == 0:
            super().average()


class InPlace(Loop):
    """LeakyReLU overwrites its input."""

    def gate(self, dropout: bool) -> list[nn.Module]:
        return [nn.LeakyReLU(SLOPE, inplace=True), *[Dropout(RATE)] * dropout]


class OneGate(Loop):
    """LeakyReLU and dropout are one multiplication, and save one mask."""

    def gate(self, dropout: bool) -> list[nn.Module]:
        return [Gate(dropout)]


class Gate(nn.Module):
    def __init__(self, dropout: bool):
        super().__init__()
        self.drop = Dropout(RATE) if dropout else None

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            factor = torch.where(x > 0, 1.0, SLOPE)
            factor = factor if self.drop is None else self.drop(factor)
        return x * factor


class OnePass(Loop):
    """G's update takes the pictures that D has just learned from, so G makes one batch and not two."""

    def iterate(self) -> None:
        fake = self.g(torch.randn(BATCH, LATENT))
        self.update_d(fake.detach())
        self.update_g(fake)
        self.average()


class Backward(Loop):
    """Gradients by hand, without autograd. Each product of matrices writes into memory that is kept."""

    def __init__(self, pictures: Tensor):
        super().__init__(pictures)
        for parameter in (*self.of_g, *self.of_d):
            parameter.requires_grad_(False)
            parameter.grad = torch.empty_like(parameter)

    @torch.no_grad()
    def iterate(self) -> None:
        fake = self.through_g()[-1]
        layers, masks, logits = self.through_d(torch.cat((self.real(), fake)))
        self.back_d(layers, masks, self.sign * (logits * self.sign).sigmoid() / BATCH)
        self.adam_d.step()
        passed = self.through_g()
        layers, masks, logits = self.through_d(passed[-1])
        self.back_g(passed, self.to_pixels(masks, -(-logits).sigmoid() / BATCH))
        self.adam_g.step()
        self.average()

    def through_g(self) -> list[Tensor]:
        """The input of each layer, and G's pictures."""
        passed = [torch.randn(BATCH, LATENT)]
        for weight, bias in pairs(self.of_g)[:-1]:
            passed.append(nn.functional.leaky_relu_(torch.addmm(bias, passed[-1], weight.T), SLOPE))
        weight, bias = pairs(self.of_g)[-1]
        return [*passed, torch.addmm(bias, passed[-1], weight.T).tanh_()]

    def through_d(self, x: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """The input of each layer, the factor of each gate, and the logits."""
        passed, factors = [x], []
        for weight, bias in pairs(self.of_d)[:-1]:
            x = torch.addmm(bias, passed[-1], weight.T)
            factors.append(Dropout(RATE)(torch.where(x > 0, 1.0, SLOPE)))
            passed.append(x.mul_(factors[-1]))
        weight, bias = pairs(self.of_d)[-1]
        return passed, factors, torch.addmm(bias, passed[-1], weight.T)

    def back_d(self, passed: list[Tensor], factors: list[Tensor], gradient: Tensor) -> None:
        for number, (weight, bias) in reversed([*enumerate(pairs(self.of_d))]):
            torch.mm(gradient.T, passed[number], out=weight.grad)
            torch.sum(gradient, 0, out=bias.grad)
            if number:
                gradient = torch.mm(gradient, weight).mul_(factors[number - 1])

    def to_pixels(self, factors: list[Tensor], gradient: Tensor) -> Tensor:
        for number, (weight, _) in reversed([*enumerate(pairs(self.of_d))]):
            gradient = torch.mm(gradient, weight)
            if number:
                gradient.mul_(factors[number - 1])
        return gradient

    def back_g(self, passed: list[Tensor], gradient: Tensor) -> None:
        gradient = gradient.mul_(1 - passed[-1] ** 2)
        for number, (weight, bias) in reversed([*enumerate(pairs(self.of_g))]):
            torch.mm(gradient.T, passed[number], out=weight.grad)
            torch.sum(gradient, 0, out=bias.grad)
            if number:
                gradient = torch.ops.aten.leaky_relu_backward(
                    torch.mm(gradient, weight), passed[number], SLOPE, self_is_result=True
                )


class ProductsAndAdam(Backward):
    """A bound: the iteration's products of matrices, and the steps of both optimizers."""

    def iterate(self) -> None:
        self.products()
        self.adam_d.step()
        self.adam_g.step()

    @torch.no_grad()
    def products(self) -> None:
        """D's update: G forward, D forward and back. G's update: G and D forward and back."""
        for of_net, batch, times in ((self.of_g, BATCH, 2), (self.of_d, 2 * BATCH, 1), (self.of_d, BATCH, 1)):
            for weight, bias in pairs(of_net):
                for _ in range(times):
                    torch.addmm(bias, ones(batch, weight.shape[1]), weight.T)
        for of_net, batch in ((self.of_d, 2 * BATCH), (self.of_g, BATCH)):
            for number, (weight, _) in enumerate(pairs(of_net)):
                torch.mm(ones(batch, weight.shape[0]).T, ones(batch, weight.shape[1]), out=weight.grad)
                if number:
                    torch.mm(ones(batch, weight.shape[0]), weight)
        for weight, _ in pairs(self.of_d):
            torch.mm(ones(BATCH, weight.shape[0]), weight)


class Products(ProductsAndAdam):
    """A bound: the iteration's products of matrices alone."""

    def iterate(self) -> None:
        self.products()


_ONES: dict[tuple[int, int], Tensor] = {}


def ones(*shape: int) -> Tensor:
    """The same memory for each call with the same shape."""
    if shape not in _ONES:
        _ONES[shape] = torch.ones(shape)
    return _ONES[shape]


def pairs(parameters: list[nn.Parameter]) -> list[tuple[nn.Parameter, nn.Parameter]]:
    """Weight and bias of each linear layer."""
    return list(zip(parameters[::2], parameters[1::2], strict=True))


def descend(optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter], gradients: tuple[Tensor, ...]) -> None:
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


VARIANTS: dict[str, Callable[[Tensor], Loop]] = {
    "`raw_loop.py`": Loop,
    "the average at every fourth iteration": SeldomAveraged,
    "LeakyReLU in place": InPlace,
    "LeakyReLU and dropout as one product": OneGate,
    "one batch of G for both updates": OnePass,
    "gradients by hand, without autograd": Backward,
    "bound: products of matrices and Adam": ProductsAndAdam,
    "bound: products of matrices": Products,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="whose median counts (20)")
    parser.add_argument("--iterations", type=int, default=30, help="of each variant in each round (30)")
    arguments = parser.parse_args()
    pictures = torch.from_numpy(mnist.pictures()).view(-1, 784)
    loops = {title: make(pictures) for title, make in VARIANTS.items()}
    seconds: dict[str, list[float]] = {title: [] for title in loops}
    with freed_memory_kept():
        for number in range(arguments.rounds + 1):
            for title in loops if number % 2 else reversed(loops):
                began = time.perf_counter()
                for _ in range(arguments.iterations):
                    loops[title].iterate()
                seconds[title].append(time.perf_counter() - began)
    first = next(iter(loops))
    print("| variant | ms an iteration | × as fast |\n|---|---|---|")
    for title, measured in seconds.items():
        # The first round warms up.
        ratio = median(base / own for base, own in zip(seconds[first][1:], measured[1:], strict=True))
        print(f"| {title} | {1000 * median(measured[1:]) / arguments.iterations:.2f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
