"""A network's layers, with the shapes that they give and their parameters."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized


def parameters(module: nn.Module) -> int:
    """How many numbers of the module are learned."""
    return sum(parameter.numel() for parameter in module.parameters())


def _layers(module: nn.Module) -> Iterator[nn.Module]:
    """The modules without parts. What computes a layer's weights, such as spectral norm, is no part."""
    if is_parametrized(module) or not any(True for _ in module.children()):
        yield module
    else:
        for child in module.children():
            yield from _layers(child)


@torch.no_grad()
def layers(network: nn.Module, *inputs: Tensor | None) -> str:
    """A table: one line a layer, in the order in which `inputs` pass them. The network stays as it was."""
    rows: list[tuple[str, str, str]] = []

    def note(module: nn.Module, _inputs: object, output: object) -> None:
        shape = " x ".join(map(str, output.shape[1:])) if isinstance(output, Tensor) else ""
        rows.append((type(module).__name__, shape, f"{parameters(module):,}" if parameters(module) else ""))

    hooks = [module.register_forward_hook(note) for module in _layers(network)]
    before, was_training = {key: value.clone() for key, value in network.state_dict().items()}, network.training
    try:
        network.eval()(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
        network.train(was_training)
        network.load_state_dict(before)
    rows.append(("in all", "", f"{parameters(network):,}"))
    return "\n".join(f"  {name:<18}{shape:>16}{count:>14}" for name, shape, count in rows)
